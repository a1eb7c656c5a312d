import { RealtimeError, type Since } from "@upwire/protocol";
import { describe, expect, it } from "vitest";
import type { TopicConfig } from "../../src/topics/setup.ts";
import { ScriptedBroker, never } from "./scripted-broker.ts";
import { settle, stage, withHistory, type Stage, type StageOptions } from "./stage.ts";

/** A topic with the publications 1 to `count`, which a member here has got, or not. */
async function scene(
  count: number,
  { isWarm = true, ...options }: StageOptions & { readonly isWarm?: boolean } = {},
): Promise<Stage & { readonly script: ScriptedBroker }> {
  const script = new ScriptedBroker();
  const staged = stage({ broker: () => script, ...options });
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  if (!isWarm) script.keep(...numbers);
  const member = await staged.connect();
  member.subscribe(withHistory);
  await settle();
  if (isWarm) {
    script.keep(...numbers);
    script.say(...numbers);
  }
  return { ...staged, script };
}

const at = (offset: number): Since => ({ epoch: "epoch-1", offset });
/** `from=from` to `to=to`. */
const publications = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, index) => `${from + index}=${from + index}`);

describe("a resume", () => {
  it("is answered in the call of subscribe when the cache has everything", async () => {
    const { connect, script } = await scene(5);
    const client = await connect();
    script.calls.length = 0;
    client.subscribe(withHistory, at(2));
    expect(script.calls).toEqual([]);
    expect(await client.next()).toEqual([{ top: 5, after: 2, resumed: true }, ...publications(3, 5)]);
  });

  it("at the top brings nothing, and is complete", async () => {
    const { connect, stats } = await scene(5);
    const client = await connect();
    client.subscribe(withHistory, at(5));
    expect(await client.next()).toEqual([{ top: 5, after: 5, resumed: true }]);
    expect(stats).toMatchObject({ resumed: 1, notResumed: 0 });
  });

  it("from message zero brings all", async () => {
    const { connect } = await scene(3);
    const client = await connect();
    client.subscribe(withHistory, at(0));
    expect(await client.next()).toEqual([{ top: 3, after: 0, resumed: true }, ...publications(1, 3)]);
  });

  it("reads from the history, page by page, what is in no cache, and what is published meanwhile comes behind", async () => {
    const { connect, script } = await scene(300, { isWarm: false });
    const client = await connect();
    client.subscribe(withHistory, at(0));
    script.keep(301);
    script.say(301);
    expect(await client.next()).toEqual([{ top: 301, after: 0, resumed: true }, ...publications(1, 301)]);
  });

  it("is not made when a part is gone, and brings no part of it", async () => {
    const { connect, script, stats } = await scene(9, { isWarm: false });
    script.first = 5;
    const client = await connect();
    client.subscribe(withHistory, at(3));
    expect(await client.next()).toEqual([{ top: 9, after: 9, resumed: false }]);
    expect(stats).toMatchObject({ resumed: 0, notResumed: 1 });
    const other = await connect();
    other.subscribe(withHistory, at(4));
    expect(await other.next()).toEqual([{ top: 9, after: 4, resumed: true }, ...publications(5, 9)]);
  });

  it.each([
    ["messages", { replayMessages: 4 }],
    ["bytes", { replayBytes: 4 * '{"type":"n","payload":1}'.length }],
  ])("over its bound of %s is not made", async (_, limits) => {
    const { connect } = await scene(9, { limits });
    const client = await connect();
    client.subscribe(withHistory, at(4));
    expect(await client.next()).toEqual([{ top: 9, after: 9, resumed: false }]);
    client.subscribe(withHistory, at(5));
    expect(await client.next()).toEqual([{ top: 9, after: 5, resumed: true }, ...publications(6, 9)]);
  });

  it("of another epoch is not made, after a look at the history", async () => {
    const { connect, script } = await scene(3);
    const client = await connect();
    client.subscribe(withHistory, { epoch: "epoch-0", offset: 2 });
    expect(await client.next()).toEqual([{ top: 3, after: 3, resumed: false }]);
    expect(script.calls.at(-1)).toBe("history t 3");
  });

  it("above the top of this node waits until the node has what the client has", async () => {
    const { connect, script } = await scene(3);
    script.keep(4, 5, 6);
    const client = await connect();
    client.subscribe(withHistory, at(5));
    expect(await client.next()).toEqual([{ top: 6, after: 5, resumed: true }, ...publications(6, 6)]);
  });

  it("above the top of the topic is not made", async () => {
    const { connect } = await scene(3);
    const client = await connect();
    client.subscribe(withHistory, at(2 ** 53 - 1));
    expect(await client.next()).toEqual([{ top: 3, after: 3, resumed: false }]);
  });

  it("of what is too old for the history is not made, though the cache has it", async () => {
    const { connect, clock } = await scene(3);
    clock.advance(300_001);
    const client = await connect();
    client.subscribe(withHistory, at(1));
    expect(await client.next()).toEqual([{ top: 3, after: 3, resumed: false }]);
  });

  it("is `unavailable` when the history cannot be had, and there is no subscription", async () => {
    const { connect, script, clock, topics } = await scene(9, { isWarm: false });
    script.acts.history = never;
    const [one, other] = [await connect(), await connect()];
    one.subscribe(withHistory, at(3));
    other.subscribe(withHistory, at(99));
    clock.advance(5000);
    expect(await one.next()).toEqual([{ error: "unavailable" }]);
    expect(await other.next()).toEqual([{ error: "unavailable" }]);
    expect(topics.size("t")).toBe(1);
  });
});

describe("the newest `last`", () => {
  it.each([
    [2, 3],
    [5, 0],
    [99, 0],
  ])("%i of 5 follow, from what the answer says", async (last, after) => {
    const { connect } = await scene(5);
    const client = await connect();
    client.subscribe(withHistory, { last });
    expect(await client.next()).toEqual([{ top: 5, after, resumed: true }, ...publications(after + 1, 5)]);
  });

  it("are those that the history has", async () => {
    const { connect, script } = await scene(9, { isWarm: false });
    script.first = 7;
    const client = await connect();
    client.subscribe(withHistory, { last: 5 });
    expect(await client.next()).toEqual([{ top: 9, after: 6, resumed: true }, ...publications(7, 9)]);
  });

  it("are none when the history has none", async () => {
    const { connect, script } = await scene(9, { isWarm: false });
    script.first = 10;
    const client = await connect();
    client.subscribe(withHistory, { last: 5 });
    expect(await client.next()).toEqual([{ top: 9, after: 9, resumed: true }]);
  });

  it.each([
    ["messages", { replayMessages: 2 }],
    ["bytes", { replayBytes: 2 * '{"type":"n","payload":1}'.length + 1 }],
  ])("are at most as many as the bound of %s lets", async (_, limits) => {
    const { connect } = await scene(9, { limits });
    const client = await connect();
    client.subscribe(withHistory, { last: 5 });
    expect(await client.next()).toEqual([{ top: 9, after: 7, resumed: true }, ...publications(8, 9)]);
  });
});

describe("with state", () => {
  /** A state that a test answers. */
  function asked(): { readonly config: TopicConfig; readonly answers: ((json: unknown) => void)[] } {
    const answers: ((json: unknown) => void)[] = [];
    return { answers, config: { ...withHistory, state: () => new Promise((resolve) => answers.push(resolve)) } };
  }

  async function stateful(): Promise<Stage & { readonly script: ScriptedBroker; readonly config: TopicConfig; readonly answers: ((json: unknown) => void)[] }> {
    const script = new ScriptedBroker();
    script.keep(1, 2);
    return { ...stage({ broker: () => script, limits: { stateTimeoutMs: 1000 } }), script, ...asked() };
  }

  it("the answer has the position from before it, and what was published meanwhile follows", async () => {
    const { connect, script, config, answers } = await stateful();
    const client = await connect();
    client.subscribe(config);
    await settle();
    script.keep(3, 4);
    script.say(3, 4);
    expect(await client.next()).toEqual([]);
    answers[0]?.('{"sum":3}');
    expect(await client.next()).toEqual([{ top: 4, after: 2, resumed: false, state: { sum: 3 } }, ...publications(3, 4)]);
  });

  it("all that need it while it is computed get the same", async () => {
    const { connect, script, config, answers } = await stateful();
    const [one, other] = [await connect(), await connect()];
    one.subscribe(config);
    await settle();
    script.keep(3);
    script.say(3);
    other.subscribe(config);
    answers[0]?.("1");
    for (const client of [one, other]) expect(await client.next()).toEqual([{ top: 3, after: 2, resumed: false, state: 1 }, "3=3"]);
    expect(answers).toHaveLength(1);
    const last = await connect();
    last.subscribe(config);
    expect(answers).toHaveLength(2);
  });

  it("a resume does not compute it", async () => {
    const { connect, config, answers } = await stateful();
    const client = await connect();
    client.subscribe(config, at(1));
    expect(await client.next()).toEqual([{ top: 2, after: 1, resumed: true }, "2=2"]);
    expect(answers).toHaveLength(0);
  });

  it("an error of the application is the answer, any other is `internal` and reported", async () => {
    const { connect, reported } = await stateful();
    const client = await connect();
    const fails = (error: Error): TopicConfig => {
      const state = async (): Promise<string> => {
        throw error;
      };
      return { ...withHistory, state };
    };
    client.subscribe(fails(new RealtimeError("no.state")));
    expect(await client.next()).toEqual([{ error: "no.state" }]);
    expect(reported).toEqual([]);
    const fault = new Error("a fault");
    const other = await stateful();
    const another = await other.connect();
    another.subscribe(fails(fault));
    expect(await another.next()).toEqual([{ error: "internal" }]);
    expect(other.reported).toEqual([fault]);
  });

  it("what is no JSON text is `internal`, and reported", async () => {
    const { connect, config, answers, reported } = await stateful();
    const client = await connect();
    client.subscribe(config);
    await settle();
    answers[0]?.({ an: "object" });
    expect(await client.next()).toEqual([{ error: "internal" }]);
    expect(String(reported[0])).toContain("give JSON text");
  });

  it("one that takes too long is `timeout`, and its answer is ignored", async () => {
    const { connect, config, answers, clock, reported } = await stateful();
    const client = await connect();
    client.subscribe(config);
    await settle();
    clock.advance(1000);
    expect(await client.next()).toEqual([{ error: "timeout" }]);
    answers[0]?.("1");
    expect(await client.next()).toEqual([]);
    expect(reported).toHaveLength(1);
  });

  it("many that wait for it are answered in several turns, each of them once, in its own order", async () => {
    const { connect, script, config, answers, topics } = await stateful();
    const clients = await Promise.all(Array.from({ length: 100 }, () => connect()));
    let answered = 0;
    const last = clients.at(-1);
    for (const { connection } of clients.slice(0, -1)) topics.subscribe(connection, "t", config, undefined, () => void answered++);
    last?.subscribe(config);
    await settle();
    expect(answers).toHaveLength(1);
    script.keep(3);
    script.say(3);
    answers[0]?.("1");
    await Promise.resolve().then(() => Promise.resolve());
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(32);
    script.keep(4);
    script.say(4);
    expect(await last?.next()).toEqual([{ top: 4, after: 2, resumed: false, state: 1 }, ...publications(3, 4)]);
    expect(answered).toBe(99);
  });

  it("a client that goes meanwhile leaves nothing", async () => {
    const { connect, config, answers, clock, topics } = await stateful();
    const client = await connect();
    client.subscribe(config);
    await settle();
    client.peer.destroy();
    await settle();
    expect(topics.size("t")).toBe(0);
    answers[0]?.("1");
    await settle();
    clock.advance(5000);
    await settle();
    expect(clock.pending).toBe(0);
  });
});
