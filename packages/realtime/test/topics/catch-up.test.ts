import type { UpgraderOptions } from "@upwire/core";
import { describe, expect, it, vi } from "vitest";
import type { TopicConfig } from "../../src/topics/setup.ts";
import { ScriptedBroker, never } from "./scripted-broker.ts";
import { settle, stage, text, withHistory, withoutHistory, type Client, type Stage, type StageOptions } from "./stage.ts";

interface Scene extends Stage {
  readonly client: Client;
}

const LONG = "x".repeat(900);
const long = (n: number): string => `${n}${LONG}`;
const longs = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, at) => long(from + at));
const asSent = (from: number, to: number): string[] => longs(from, to).map((payload, at) => `${from + at}="${payload}"`);

/** A client whose queue has room for few of the publications. It is subscribed, and its socket takes nothing. */
async function slow(config: TopicConfig, options: UpgraderOptions = {}, more: StageOptions = {}): Promise<Scene> {
  const staged = stage(more);
  const client = await staged.connect({ maxQueueBytes: 4000, ...options });
  client.subscribe(config);
  await client.next();
  client.peer.isTaking = false;
  return { ...staged, client };
}

describe.each(["drop-newest", "drop-oldest", "pause"] as const)("with the policy %s", (slowConsumer) => {
  it("a client that is slow misses nothing, and is live again afterwards", async () => {
    const { client, publish, stats } = await slow(withHistory, { slowConsumer });
    await publish(withHistory, ...longs(1, 100));
    await settle();
    expect(stats.lagged).toBeGreaterThan(0);
    client.peer.isTaking = true;
    const got = await client.next();
    expect(firstTimes(got)).toEqual(asSent(1, 100));
    const lagged = stats.lagged;
    await publish(withHistory, "live");
    expect(await client.next()).toEqual(['101="live"']);
    expect(stats).toMatchObject({ lagged, gaps: 0 });
  });
});

/** As a client does: what is not the next one is dropped. */
function firstTimes(got: readonly unknown[]): unknown[] {
  const kept: unknown[] = [];
  for (const one of got) if (String(one).startsWith(`${kept.length + 1}=`)) kept.push(one);
  return kept;
}

it("goes back to what was taken back, though later ones had been sent", async () => {
  const { client, publish } = await slow(withHistory, { slowConsumer: "drop-oldest" });
  await publish(withHistory, ...longs(1, 8));
  client.peer.isTaking = true;
  const got = await client.next();
  const offsets = got.map((one) => Number.parseInt(String(one), 10));
  // The socket took the first ones at once. Then the newest that the queue had room for came, and behind them all from the lost one on.
  const back = offsets.findIndex((offset, at) => at > 0 && offset < (offsets[at - 1] ?? 0));
  expect(back).toBeGreaterThan(0);
  expect(offsets.slice(back)).toEqual(Array.from({ length: 9 - (offsets[back] ?? 0) }, (_, at) => (offsets[back] ?? 0) + at));
  expect(firstTimes(got)).toEqual(asSent(1, 8));
});

describe("a gap", () => {
  const short: TopicConfig = { history: { messages: 3, bytes: 100_000, ageMs: 300_000 }, state: undefined };

  it("is told of what the history has no more, at its place", async () => {
    const { client, publish, stats } = await slow(short);
    await publish(short, ...longs(1, 20));
    client.peer.isTaking = true;
    const got = await client.next();
    const gap = got.findIndex((one) => typeof one === "object");
    expect(got.slice(0, gap)).toEqual(asSent(1, gap));
    expect(got[gap]).toEqual({ gap: { after: gap, offset: 17, reason: "slow" } });
    expect(got.slice(gap + 1)).toEqual(asSent(18, 20));
    expect(stats.gaps).toBe(1);
  });

  it("comes with the state, which covers everything up to its offset", async () => {
    let count = 0;
    const config = { ...short, state: () => `{"times":${++count}}` };
    const { client, publish } = await slow(config);
    await publish(config, ...longs(1, 20));
    client.peer.isTaking = true;
    const got = await client.next();
    const gap = got.findIndex((one) => typeof one === "object");
    expect(got.slice(gap)).toEqual([{ gap: { after: gap, offset: 20, reason: "slow", state: { times: 2 } } }]);
    await publish(config, 21);
    expect(await client.next()).toEqual(["21=21"]);
  });

  it("comes without the state when that fails", async () => {
    let count = 0;
    const state = (): string => {
      if (++count > 1) throw new Error("no state");
      return "1";
    };
    const { client, publish, reported } = await slow({ ...short, state });
    await publish(short, ...longs(1, 20));
    client.peer.isTaking = true;
    const got = await client.next();
    expect(got.filter((one) => typeof one === "object")).toEqual([
      { gap: { after: got.findIndex((one) => typeof one === "object"), offset: 17, reason: "slow" } },
    ]);
    expect(reported).toHaveLength(1);
  });

  it("is told when the history cannot be had in time, up to what is at hand", async () => {
    const script = new ScriptedBroker();
    const { client, clock } = await slow(withHistory, {}, { broker: () => script, limits: { cacheMessages: 2 } });
    script.acts.history = never;
    for (let offset = 1; offset <= 20; offset++) {
      script.keep(long(offset));
      script.say(offset);
    }
    client.peer.isTaking = true;
    const before = await client.next();
    expect(before).toEqual(asSent(1, before.length));
    clock.advance(5000);
    expect(await client.next()).toEqual([{ gap: { after: before.length, offset: 18, reason: "lost" } }, ...asSent(19, 20)]);
  });
});

it("a gap waits until it is known what of the topic was taken back before it", async () => {
  const script = new ScriptedBroker();
  const { connect } = stage({ broker: () => script, limits: { cacheMessages: 1 } });
  const payloads = Array.from({ length: 20 }, (_, at) => `${at + 1}${"x".repeat(1200)}`);
  script.keep(...payloads);
  // One at a time, so that nothing else is at hand.
  script.acts.history = (done) => {
    const page = done();
    return Promise.resolve({ ...page, publications: page.publications.slice(0, 2) });
  };
  const client = await connect({ slowConsumer: "drop-oldest", maxQueueBytes: 4000 });
  client.subscribe(withHistory, { epoch: "epoch-1", offset: 0 });
  client.peer.isTaking = false;
  let hasSent = false;
  const readPage = script.acts.history;
  script.acts.history = (done) => {
    // Behind the first two: the application pushes the second one out of the queue, and the history goes on.
    if (script.calls.at(-1) === "history t 2" && script.calls.filter((call) => call === "history t 2").length === 2) {
      hasSent = true;
      script.first = 10;
      for (let n = 0; n < 2; n++) client.connection.send("y".repeat(1500));
    }
    return readPage(done);
  };
  await settle(20);
  expect(hasSent).toBe(true);
  script.acts.history = readPage;
  client.peer.isTaking = true;
  await settle(40);
  const places = client.texts().flatMap((one): unknown[] => {
    if (!one.includes('"topic"')) return [];
    const { offset, payload } = JSON.parse(one.slice(5)) as { readonly offset?: number; readonly payload: object };
    return [offset ?? payload];
  });
  expect(places).toEqual([1, { after: 1, epoch: "epoch-1", offset: 9, reason: "slow" }, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
});

it("what is taken back of a subscription that was replaced brings nothing twice", async () => {
  const { client, publish, stats } = await slow(withHistory, { slowConsumer: "drop-oldest" });
  await publish(withHistory, long(1));
  await settle();
  await publish(withHistory, ...longs(2, 8));
  client.subscribe(withHistory);
  await settle();
  client.peer.isTaking = true;
  const got = await client.next();
  expect(got.at(-1)).toEqual({ top: 8, after: 8, resumed: false });
  expect(stats.lagged).toBe(0);
});

it("sends a bounded portion in one turn, and the next one when the socket has taken it", async () => {
  const { connect, publish, topics } = stage();
  const member = await connect();
  member.subscribe(withHistory);
  await settle();
  await publish(withHistory, ...longs(1, 100));
  const { position } = await topics.publish("t", withHistory, text("last"), {});
  const client = await connect();
  client.peer.isTaking = false;
  client.subscribe(withHistory, { epoch: position?.epoch ?? "", offset: 0 });
  expect(client.connection.bufferedBytes).toBeGreaterThan(16_000);
  expect(client.connection.bufferedBytes).toBeLessThan(18_000);
  await settle(20);
  expect(client.connection.bufferedBytes).toBeLessThan(18_000);
  client.peer.isTaking = true;
  await settle(30);
  expect(await client.next()).toEqual([{ top: 101, after: 0, resumed: true }, ...asSent(1, 100), '101="last"']);
});

it("does not spin while a message of the application in front of it is not complete", async () => {
  const { client, publish, clock } = await slow(withHistory, { maxQueueBytes: 1500 });
  client.peer.isTaking = true;
  await settle();
  const drain = vi.spyOn(client.connection, "drain");
  const writer = client.connection.createWriter("text");
  writer.write("{");
  await publish(withHistory, ...longs(1, 5));
  await settle(20);
  expect(drain.mock.calls.length).toBeLessThan(5);
  writer.end("}");
  await settle();
  for (let at = 0; at < 3; at++) {
    clock.advance(100);
    await settle();
  }
  expect((await client.next()).slice(1)).toEqual(asSent(1, 5));
});

describe("without history", () => {
  it("tells a client that was slow where something is missing, and nothing is missing behind it", async () => {
    const { client, topics, stats } = await slow(withoutHistory);
    for (const payload of longs(1, 20)) void topics.publish("t", withoutHistory, text(payload), {});
    client.peer.isTaking = true;
    const got = await client.next();
    expect(got.slice(0, -1)).toEqual(longs(1, got.length - 1));
    expect(got.at(-1)).toEqual({ gap: { reason: "slow" } });
    void topics.publish("t", withoutHistory, text("live"), {});
    expect(await client.next()).toEqual(["live"]);
    expect(stats.gaps).toBe(1);
  });

  it("goes on with the newest where the policy is to drop the oldest, and tells of the loss afterwards", async () => {
    const { client, topics } = await slow(withoutHistory, { slowConsumer: "drop-oldest" });
    for (const payload of longs(1, 20)) void topics.publish("t", withoutHistory, text(payload), {});
    await settle();
    for (const payload of longs(21, 22)) void topics.publish("t", withoutHistory, text(payload), {});
    client.peer.isTaking = true;
    const got = await client.next();
    expect(got.slice(-3)).toEqual([...longs(21, 22), { gap: { reason: "slow" } }]);
    expect(got.filter((one) => typeof one === "object")).toHaveLength(1);
  });

  it("tells of no loss when a newer one of the same key took the place", async () => {
    const { client, topics, stats } = await slow(withoutHistory, { slowConsumer: "keep-latest", maxQueueBytes: 100_000 });
    void topics.publish("t", withoutHistory, text(long(1)), { conflate: "price" });
    await settle();
    for (const payload of longs(2, 20)) void topics.publish("t", withoutHistory, text(payload), { conflate: "price" });
    await settle();
    client.peer.isTaking = true;
    const got = await client.next();
    expect(got).toEqual([long(1), long(20)]);
    expect(stats.gaps).toBe(0);
  });

  it("what is published while the state is computed comes behind it, but not to `except`", async () => {
    let answer: (json: string) => void = () => {};
    const config = { ...withoutHistory, state: () => new Promise<string>((resolve) => (answer = resolve)) };
    const { connect, topics } = stage();
    const [client, other] = [await connect(), await connect()];
    client.subscribe(config);
    other.subscribe(config);
    await settle();
    void topics.publish("t", config, text(1), {});
    void topics.publish("t", config, text(2), { except: client.connection });
    answer('"state"');
    expect(await client.next()).toEqual([{ resumed: false, state: "state" }, 1]);
    expect(await other.next()).toEqual([{ resumed: false, state: "state" }, 1, 2]);
  });

  it("tells what the broker may have lost", async () => {
    const script = new ScriptedBroker();
    const { connect } = stage({ broker: () => script });
    const client = await connect();
    client.subscribe(withoutHistory);
    await client.next();
    script.sink.message("t", { data: text(1), position: undefined, origin: undefined });
    script.sink.gap("t");
    expect(await client.next()).toEqual([1, { gap: { reason: "lost" } }]);
    script.sink.message("t", { data: text(2), position: undefined, origin: undefined });
    expect(await client.next()).toEqual([2]);
  });
});

describe("a client that speaks no protocol", () => {
  it("gets no offsets, and each publication once, though it was slow", async () => {
    const staged = stage();
    const client = await staged.connect({ maxQueueBytes: 4000 });
    client.add(withHistory);
    await settle();
    client.peer.isTaking = false;
    await staged.publish(withHistory, ...longs(1, 50));
    client.peer.isTaking = true;
    expect(await client.next()).toEqual(longs(1, 50));
    await staged.publish(withHistory, "live");
    expect(await client.next()).toEqual(["live"]);
  });

  it("gets nothing twice when a policy took something back, and no gap", async () => {
    const staged = stage();
    const client = await staged.connect({ maxQueueBytes: 4000, slowConsumer: "drop-oldest" });
    client.add(withHistory);
    await settle();
    client.peer.isTaking = false;
    await staged.publish(withHistory, ...longs(1, 50));
    client.peer.isTaking = true;
    const got = await client.next();
    expect(new Set(got).size).toBe(got.length);
    expect(got).toEqual(longs(1, 50).filter((one) => got.includes(one)));
    expect(got.at(-1)).toBe(long(50));
  });
});
