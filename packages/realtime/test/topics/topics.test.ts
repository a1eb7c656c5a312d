import { memoryBroker } from "@upwire/cluster/broker";
import { FakeClock, hostileBroker } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { newTopicStats } from "../../src/topics/stats.ts";
import { Topics } from "../../src/topics/topics.ts";
import { ScriptedBroker, never } from "./scripted-broker.ts";
import { settle, stage, text, withHistory, withoutHistory } from "./stage.ts";

it("sends what is published after a subscribe, with offsets, and nothing before the answer", async () => {
  const { connect, publish } = stage();
  await publish(withHistory, "a");
  const client = await connect();
  client.subscribe(withHistory);
  expect(await client.next()).toEqual([{ top: 1, after: 1, resumed: false }]);
  await publish(withHistory, "b", "c");
  expect(await client.next()).toEqual(['2="b"', '3="c"']);
});

it("without history sends at once, but not to `except`", async () => {
  const { connect, topics } = stage();
  const [one, other] = [await connect(), await connect()];
  one.subscribe(withoutHistory);
  other.subscribe(withoutHistory);
  expect(await one.next()).toEqual([{ resumed: false }]);
  await other.next();
  void topics.publish("t", withoutHistory, '{"type":"n","payload":1}', { except: one.connection });
  expect(await other.next()).toEqual([1]);
  expect(await one.next()).toEqual([]);
});

describe("a subscribe", () => {
  it("that another one overtakes is `replaced`, and the other one counts", async () => {
    const { connect, publish, topics } = stage();
    const client = await connect();
    client.subscribe(withHistory);
    client.subscribe(withHistory, { last: 5 });
    expect(await client.next()).toEqual([{ error: "replaced" }, { top: 0, after: 0, resumed: true }]);
    await publish(withHistory, 1);
    expect(await client.next()).toEqual(["1=1"]);
    expect([topics.size("t"), topics.count(client.connection)]).toEqual([1, 1]);
  });

  it("that an unsubscribe overtakes is `replaced`, and nothing comes", async () => {
    const { connect, publish, topics } = stage();
    const client = await connect();
    client.subscribe(withHistory);
    expect(client.unsubscribe()).toBe(true);
    expect(client.unsubscribe()).toBe(false);
    await publish(withHistory, 1);
    expect(await client.next()).toEqual([{ error: "replaced" }]);
    expect([topics.size("t"), topics.count(client.connection)]).toEqual([0, 0]);
  });

  it("of a connection that is closing is `cancelled`, and leaves nothing", async () => {
    const { connect, topics, clock } = stage();
    const client = await connect();
    client.connection.close();
    const answers: unknown[] = [];
    topics.subscribe(client.connection, "t", withHistory, undefined, (answer) => answers.push(answer));
    expect(answers).toMatchObject([{ code: "cancelled" }]);
    expect([topics.size("t"), clock.pending]).toEqual([0, 0]);
  });

  it("whose connection ends before the answer is `cancelled`", async () => {
    const script = new ScriptedBroker();
    script.acts.subscribe = never;
    const { connect, topics } = stage({ broker: () => script });
    const client = await connect();
    const answers: unknown[] = [];
    topics.subscribe(client.connection, "t", withHistory, undefined, (answer) => answers.push(answer));
    client.peer.destroy();
    await settle();
    expect(answers).toMatchObject([{ code: "cancelled" }]);
  });

  it("in place of a live one goes on from where it says, and everything comes once per subscription", async () => {
    const { connect, publish, topics } = stage();
    const client = await connect();
    client.subscribe(withHistory);
    await client.next();
    await publish(withHistory, 1, 2);
    await client.next();
    client.subscribe(withHistory, { last: 1 });
    expect(await client.next()).toEqual([{ top: 2, after: 1, resumed: true }, "2=2"]);
    await publish(withHistory, 3);
    expect(await client.next()).toEqual(["3=3"]);
    expect(topics.count(client.connection)).toBe(1);
  });

  it("whose answer the server fails to queue is reported, and stands", async () => {
    const { connect, publish, topics, reported } = stage();
    const client = await connect();
    const fault = new Error("no answer");
    topics.subscribe(client.connection, "t", withHistory, undefined, () => {
      throw fault;
    });
    await settle();
    await publish(withHistory, 1);
    expect(await client.next()).toEqual(["1=1"]);
    expect(reported).toEqual([fault]);
  });

  it("may be ended in the middle of its own answer", async () => {
    const { connect, publish, topics } = stage();
    const client = await connect();
    const answers: unknown[] = [];
    topics.subscribe(client.connection, "t", withHistory, undefined, (answer) => {
      answers.push(answer);
      topics.unsubscribe(client.connection, "t");
    });
    await settle();
    await publish(withHistory, 1);
    expect(await client.next()).toEqual([]);
    expect(answers).toHaveLength(1);
    expect(topics.size("t")).toBe(0);
  });

  it("misses nothing that is published in the middle of its answer", async () => {
    const { connect, publish, topics } = stage();
    const [member, client] = [await connect(), await connect()];
    member.subscribe(withHistory);
    await settle();
    topics.subscribe(client.connection, "t", withHistory, undefined, () => void publish(withHistory, 1));
    await publish(withHistory, 2);
    expect(await client.next()).toEqual(["1=1", "2=2"]);
  });
});

it("nothing of a topic is queued after the unsubscribe, also not for a client that is behind", async () => {
  const { connect, publish } = stage();
  const client = await connect({ maxQueueBytes: 2000 });
  client.subscribe(withHistory);
  await client.next();
  client.peer.isTaking = false;
  await publish(withHistory, ...Array.from({ length: 50 }, () => "x".repeat(200)));
  expect(client.unsubscribe()).toBe(true);
  client.connection.send("unsubscribed", { mustArrive: true });
  client.peer.isTaking = true;
  await settle(20);
  const got = client.texts();
  expect(got.indexOf("text unsubscribed")).toBe(got.length - 1);
});

it("a connection in many topics leaves all of them when it is over, and no other", async () => {
  const { connect, topics, clock } = stage();
  const [client, other] = [await connect(), await connect()];
  const names = ["a", "b", "c", "d"];
  for (const name of names) client.subscribe(withHistory, undefined, name);
  other.subscribe(withHistory, undefined, "b");
  await settle();
  expect(client.unsubscribe("b")).toBe(true);
  expect(client.unsubscribe("a")).toBe(true);
  expect(topics.count(client.connection)).toBe(2);
  client.peer.destroy();
  await settle();
  expect(topics.count(client.connection)).toBe(0);
  expect(names.map((name) => topics.size(name))).toEqual([0, 1, 0, 0]);
  expect(topics.members("b")).toEqual([other.connection]);
  other.peer.destroy();
  await settle();
  clock.advance(10_000);
  await settle();
  clock.advance(300_000);
  expect(clock.pending).toBe(0);
});

it("thousands that come at once are answered in several turns", async () => {
  const { connect, topics } = stage();
  const client = await connect();
  let answered = 0;
  const turns: number[] = [];
  const connections = await Promise.all(Array.from({ length: 200 }, () => connect()));
  for (const { connection } of connections) topics.subscribe(connection, "t", withHistory, undefined, () => void answered++);
  for (let turn = 0; turn < 12; turn++) {
    const before = answered;
    await settle(1);
    turns.push(answered - before);
  }
  expect(answered).toBe(200);
  expect(Math.max(...turns)).toBeLessThanOrEqual(64);
  void client;
});

it("goes on in another process from what was saved, and publishes no more in this one", async () => {
  const { connect, publish, topics, clock } = stage();
  const client = await connect();
  client.subscribe(withHistory);
  await client.next();
  await publish(withHistory, 1, 2, 3);
  const saved = await topics.save();
  await expect(topics.publish("t", withHistory, text(4), {})).rejects.toMatchObject({ code: "unavailable" });
  const { position } = await new Promise<{ position?: { epoch: string } | undefined }>((resolve) => {
    topics.subscribe(client.connection, "t", withHistory, undefined, (answer) => resolve(answer as object));
  });
  await topics.close();
  const next = stage({ broker: () => memoryBroker({ clock, restore: saved }) });
  const again = await next.connect();
  again.subscribe(withHistory, { epoch: position?.epoch ?? "", offset: 1 });
  expect(await again.next()).toEqual([{ top: 3, after: 1, resumed: true }, "2=2", "3=3"]);
  await next.publish(withHistory, 4);
  expect(await again.next()).toEqual(["4=4"]);
});

it("rejects what is being published when it closes, and leaves no timer", async () => {
  const clock = new FakeClock();
  const script = new ScriptedBroker();
  script.acts.publish = never;
  const topics = new Topics({ broker: script, clock, stats: newTopicStats(), report: () => {} });
  const published = topics.publish("t", withHistory, text(1), {});
  const closing = topics.close();
  await expect(published).rejects.toMatchObject({ code: "unavailable" });
  await closing;
  expect(clock.pending).toBe(0);
  expect(script.calls).toEqual(["publish t", "close"]);
});

it("ends every subscription when it closes, also those that are behind or not answered, and takes no new one", async () => {
  const script = new ScriptedBroker();
  const { connect, topics, clock } = stage({ broker: () => script });
  const [slow, waiting] = [await connect({ maxQueueBytes: 2000 }), await connect()];
  slow.subscribe(withHistory);
  await settle();
  slow.peer.isTaking = false;
  for (let n = 1; n <= 20; n++) {
    script.keep("x".repeat(300));
    script.say(n);
  }
  script.acts.subscribe = never;
  waiting.subscribe(withHistory, undefined, "u");
  await topics.close();
  expect(await waiting.next()).toEqual([{ error: "unavailable" }]);
  waiting.subscribe(withHistory);
  expect(await waiting.next()).toEqual([{ error: "unavailable" }]);
  const { calls } = script;
  const before = calls.length;
  slow.peer.isTaking = true;
  await settle(20);
  expect([clock.pending, topics.size("t"), topics.count(slow.connection), calls.length]).toEqual([0, 0, 0, before]);
});

it("a hostile broker costs a client nothing that is not made good", async () => {
  const clock = new FakeClock();
  const broker = hostileBroker(memoryBroker({ clock }), { clock, seed: 7 });
  const { connect, topics } = stage({ broker: () => broker });
  const client = await connect();
  client.subscribe(withHistory);
  const answers: unknown[] = [];
  for (let at = 0; at < 20 && answers.length === 0; at++) {
    clock.advance(100);
    answers.push(...(await client.next()));
  }
  for (let n = 1; n <= 200; n++) topics.publish("t", withHistory, text(n), {}).catch(() => {});
  for (let at = 0; at < 100; at++) {
    clock.advance(100);
    await settle(2);
  }
  expect(broker.counts.lost).toBeGreaterThan(0);
  const got = (await client.next()).map((one) => Number.parseInt(String(one), 10));
  const { top } = await broker.history("t", 0, 1);
  expect(got).toEqual(Array.from({ length: top }, (_, at) => at + 1));
});
