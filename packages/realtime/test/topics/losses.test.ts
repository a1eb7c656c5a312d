import { describe, expect, it } from "vitest";
import { Losses } from "../../src/topics/losses.ts";
import { ScriptedBroker, never } from "./scripted-broker.ts";
import { settle, stage, withHistory, type Client, type Stage } from "./stage.ts";

const publications = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, index) => `${from + index}=${from + index}`);

/** A live member at 3, and a node that could not have 4 to 300 in time. */
async function scene(): Promise<Stage & { readonly script: ScriptedBroker; readonly member: Client }> {
  const script = new ScriptedBroker();
  script.keep(1, 2, 3);
  const staged = stage({ broker: () => script });
  const member = await staged.connect();
  member.subscribe(withHistory);
  await settle();
  script.acts.history = never;
  script.keep(...Array.from({ length: 297 }, (_, index) => index + 4));
  script.tellTop();
  for (let seconds = 0; seconds < 5; seconds++) {
    staged.clock.advance(1000);
    await settle();
  }
  expect(await member.next()).toEqual([{ top: 3, after: 3, resumed: false }, { gap: { after: 3, offset: 300, reason: "lost" } }]);
  delete script.acts.history;
  return { ...staged, script, member };
}

describe("a loss that this node gave up", () => {
  it.each([0, 3, 5, 150, 299, 300])("refuses no later resume from %i, when the history has it by then", async (offset) => {
    const { connect, stats } = await scene();
    const client = await connect();
    client.subscribe(withHistory, { epoch: "epoch-1", offset });
    expect(await client.next()).toEqual([{ top: 300, after: offset, resumed: true }, ...publications(offset + 1, 300)]);
    expect(stats.gaps).toBe(1);
  });

  it("refuses none of several that come at once, and is none for those who come slowly", async () => {
    const { connect, script } = await scene();
    const clients = [];
    for (const offset of [280, 10, 150, 3]) {
      const client = await connect();
      client.subscribe(withHistory, { epoch: "epoch-1", offset });
      clients.push([offset, client] as const);
    }
    script.keep(301);
    script.say(301);
    for (const [offset, client] of clients) {
      await settle(40);
      const [reply, ...rest] = await client.next();
      expect([reply, rest]).toEqual([{ top: expect.any(Number) as unknown, after: offset, resumed: true }, publications(offset + 1, 301)]);
    }
  });

  it("is still one when the history has it no more", async () => {
    const { connect, script } = await scene();
    script.first = 200;
    const client = await connect();
    client.subscribe(withHistory, { epoch: "epoch-1", offset: 100 });
    expect(await client.next()).toEqual([{ top: 300, after: 300, resumed: false }]);
  });

  it("is `unavailable` to one who resumes while the history cannot be had", async () => {
    const { connect, script, clock } = await scene();
    script.acts.history = never;
    const client = await connect();
    client.subscribe(withHistory, { epoch: "epoch-1", offset: 100 });
    await settle();
    clock.advance(5000);
    expect(await client.next()).toEqual([{ error: "unavailable" }]);
  });
});

it.each<readonly [string, readonly [number, number], readonly (number | undefined)[]]>([
  ["the front", [0, 15], [undefined, undefined, 20, 20, undefined]],
  ["all", [10, 20], [undefined, undefined, undefined, undefined, undefined]],
  ["the middle, and of the front the history is asked again", [12, 15], [undefined, undefined, 20, 20, undefined]],
  ["what lies before", [0, 10], [20, 20, 20, 20, undefined]],
  ["what lies behind", [20, 30], [20, 20, 20, 20, undefined]],
])("is shorter by what was found: %s", (_, [after, to], lost) => {
  const losses = new Losses(1);
  losses.add(10, 20);
  losses.found(after, to);
  expect([10, 14, 15, 19, 20].map((position) => losses.lostAfter(position))).toEqual(lost);
});
