import { describe, expect, it } from "vitest";
import { ScriptedBroker, never } from "./scripted-broker.ts";
import { settle, stage, withHistory, type Client, type Stage } from "./stage.ts";

interface Scene extends Stage {
  readonly script: ScriptedBroker;
  readonly client: Client;
}

/** One client is subscribed, and three publications are in front of it. */
async function scene(limits = {}): Promise<Scene> {
  const script = new ScriptedBroker();
  script.keep(1, 2, 3);
  const staged = stage({ broker: () => script, limits });
  const client = await staged.connect();
  client.subscribe(withHistory);
  expect(await client.next()).toEqual([{ top: 3, after: 3, resumed: false }]);
  return { ...staged, script, client };
}

it("puts what comes out of order in order, and drops what comes twice", async () => {
  const { script, client } = await scene();
  script.acts.history = never;
  script.keep(4, 5, 6);
  script.say(6, 5, 5, 4, 6, 3);
  expect(await client.next()).toEqual(["4=4", "5=5", "6=6"]);
});

it("reads from the history what does not come", async () => {
  const { script, client } = await scene();
  script.keep(4, 5, 6, 7);
  script.say(4, 7);
  expect(await client.next()).toEqual(["4=4", "5=5", "6=6", "7=7"]);
});

it("finds out by the top that the last one did not come", async () => {
  const { script, client } = await scene();
  script.keep(4);
  script.tellTop();
  expect(await client.next()).toEqual(["4=4"]);
});

it("ignores a top that is late", async () => {
  const { script, client } = await scene();
  script.sink.top("t", { epoch: "epoch-1", offset: 2 });
  expect(await client.next()).toEqual([]);
  expect(script.calls.filter((call) => call.startsWith("history"))).toEqual([]);
});

it("asks the history again when it fails, or does not answer", async () => {
  const { script, client, clock } = await scene();
  const answers = [() => Promise.reject(new Error("down")), never, undefined];
  script.acts.history = (done) => answers.shift()?.() ?? Promise.resolve(done());
  script.keep(4, 5);
  script.say(5);
  expect(await client.next()).toEqual([]);
  clock.advance(100);
  expect(await client.next()).toEqual([]);
  clock.advance(1500);
  expect(await client.next()).toEqual(["4=4", "5=5"]);
});

it("tells of a loss when the history cannot be had in time, and goes on with what has come", async () => {
  const { script, client, clock } = await scene();
  script.acts.history = never;
  script.keep(4, 5, 6, 7);
  script.say(6, 7);
  expect(await client.next()).toEqual([]);
  clock.advance(4999);
  expect(await client.next()).toEqual([]);
  clock.advance(1);
  expect(await client.next()).toEqual([{ gap: { after: 3, offset: 5, reason: "lost" } }, "6=6", "7=7"]);
});

it("tells of a loss when the history has it no more", async () => {
  const { script, client } = await scene();
  script.keep(4, 5, 6);
  script.first = 6;
  script.say(6);
  expect(await client.next()).toEqual([{ gap: { after: 3, offset: 5, reason: "lost" } }, "6=6"]);
});

it("holds a bounded number, and reads the others from the history", async () => {
  const { script, client, clock } = await scene({ heldMessages: 2 });
  script.acts.history = never;
  script.keep(4, 5, 6, 7, 8, 9);
  script.say(5, 6, 7, 8);
  delete script.acts.history;
  clock.advance(1500);
  expect(await client.next()).toEqual(["4=4", "5=5", "6=6", "7=7", "8=8", "9=9"]);
});

describe("a history that began anew", () => {
  it("is told as a gap at the place of the client, and then comes whole", async () => {
    const { script, client } = await scene();
    script.restart("epoch-2");
    script.keep("a", "b");
    script.say(2);
    expect(await client.next()).toEqual([{ gap: { after: 3, offset: 0, reason: "restarted" } }, '1="a"', '2="b"']);
    script.keep("c");
    script.say(3);
    expect(await client.next()).toEqual(['3="c"']);
  });

  it("is found out by its top", async () => {
    const { script, client } = await scene();
    script.restart("epoch-2");
    script.tellTop();
    expect(await client.next()).toEqual([{ gap: { after: 3, offset: 0, reason: "restarted" } }]);
  });

  it("is not what a late publication of the time before says", async () => {
    const { script, client } = await scene();
    script.restart("epoch-2");
    script.keep("a");
    script.say(1);
    await client.next();
    script.sink.message("t", { data: '{"type":"n","payload":3}', position: { epoch: "epoch-1", offset: 3 }, origin: undefined });
    script.sink.top("t", { epoch: "epoch-1", offset: 9 });
    script.keep("b");
    script.say(2);
    expect(await client.next()).toEqual(['2="b"']);
  });

  it("is waited for while the history says nothing, and lets nothing of it through before", async () => {
    const { script, client, clock } = await scene();
    script.acts.history = never;
    script.restart("epoch-2");
    script.keep("a");
    script.say(1);
    clock.advance(6000);
    expect(await client.next()).toEqual([]);
    delete script.acts.history;
    script.tellTop();
    await settle();
    clock.advance(1500);
    expect(await client.next()).toEqual([{ gap: { after: 3, offset: 0, reason: "restarted" } }, '1="a"']);
  });
});

it("delivers what came before the answer of the broker to the attachment", async () => {
  const script = new ScriptedBroker();
  let answer = (): void => {};
  script.acts.subscribe = (done) => {
    const position = done();
    return new Promise((resolve) => (answer = () => resolve(position)));
  };
  const { connect } = stage({ broker: () => script });
  const client = await connect();
  client.subscribe(withHistory);
  script.keep(1, 2);
  script.say(2, 1);
  expect(await client.next()).toEqual([]);
  answer();
  expect(await client.next()).toEqual([{ top: 2, after: 2, resumed: false }]);
});

it("asks for what came before the attachment was answered, and was too much to hold", async () => {
  const script = new ScriptedBroker();
  let answer = (): void => {};
  script.acts.subscribe = (done) => {
    const position = done();
    return new Promise((resolve) => (answer = () => resolve(position)));
  };
  const { connect } = stage({ broker: () => script, limits: { heldMessages: 2 } });
  const client = await connect();
  client.subscribe(withHistory);
  script.keep(1, 2, 3, 4);
  script.say(1, 2, 3, 4);
  answer();
  expect(await client.next()).toEqual([{ top: 2, after: 2, resumed: false }, "3=3", "4=4"]);
});
