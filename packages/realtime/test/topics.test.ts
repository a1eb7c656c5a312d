import { createRealtime, RealtimeError } from "@upwire/realtime";
import { FakeClock } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

const failed = (re: number, code: string) => ({ re, error: expect.objectContaining({ code }) as unknown });
const anEpoch = expect.stringMatching(/^[\w-]{8,32}$/) as unknown;

function open() {
  const realtime = createRealtime({
    topics: {
      "room:{room}": { canSubscribe: ({ room }) => room !== "secret", canPublish: ({ room, event }) => room !== "secret" && event !== "shout" },
      "quiet:{name}": { canSubscribe: () => true, history: false },
      "state:{of}": { canSubscribe: () => true, state: ({ of }) => ({ of }) },
      closed: {},
    },
  });
  return { realtime, route: new MemoryRoute(realtime) };
}

describe("a topic", () => {
  it("brings a publisher what it says right behind its subscribe", async () => {
    const { route } = open();
    const ann = await route.client();
    ann.say({ type: "upwire.subscribe", id: 1, topic: "room:tea" });
    ann.say({ type: "message", topic: "room:tea", id: 2, payload: "first" });
    ann.say({ type: "message", topic: "room:tea", id: 3, payload: "second" });
    expect(await ann.heard()).toEqual([
      { re: 1, payload: { epoch: anEpoch, offset: 0, after: 0, resumed: false } },
      { re: 2, payload: { offset: 1 } },
      { topic: "room:tea", offset: 1, type: "message", payload: "first" },
      { re: 3, payload: { offset: 2 } },
      { topic: "room:tea", offset: 2, type: "message", payload: "second" },
    ]);
  });

  it("brings each publication to its subscribers, the publisher's own after its reply", async () => {
    const { realtime, route } = open();
    const ann = await route.client();
    const bob = await route.client();
    expect(await ann.ask({ type: "upwire.subscribe", id: 1, topic: "room:tea" })).toEqual([
      { re: 1, payload: { epoch: anEpoch, offset: 0, after: 0, resumed: false } },
    ]);
    await bob.ask({ type: "upwire.subscribe", id: 1, topic: "room:tea" });
    expect(await ann.ask({ type: "message", topic: "room:tea", id: 2, payload: { text: "hi" } })).toEqual([
      { re: 2, payload: { offset: 1 } },
      { topic: "room:tea", offset: 1, type: "message", payload: { text: "hi" } },
    ]);
    ann.say({ type: "message", topic: "room:tea", payload: "no id" });
    expect(await bob.heard()).toEqual([
      { topic: "room:tea", offset: 1, type: "message", payload: { text: "hi" } },
      { topic: "room:tea", offset: 2, type: "message", payload: "no id" },
    ]);
    const tea = realtime.topic("room:{room}", { room: "tea" });
    expect(await tea.publish("message", [1])).toEqual({ offset: 3, delivery: "cluster" });
    expect([tea.name, tea.size, [...tea]]).toEqual(["room:tea", 2, [ann.connection, bob.connection]]);
    expect(await bob.heard()).toEqual([{ topic: "room:tea", offset: 3, type: "message", payload: [1] }]);
    expect(await bob.ask({ type: "upwire.unsubscribe", id: 2, topic: "room:tea" })).toEqual([{ re: 2 }]);
    expect(await bob.ask({ type: "upwire.unsubscribe", id: 3, topic: "room:tea" })).toEqual([failed(3, "not_subscribed")]);
    await tea.publish("message", "not for bob");
    expect(await bob.heard()).toEqual([]);
    bob.say({ type: "upwire.subscribe", id: 4, topic: "room:tea", since: { last: 2 } });
    expect(await bob.heard()).toEqual([
      { re: 4, payload: { epoch: anEpoch, offset: 4, after: 2, resumed: true } },
      { topic: "room:tea", offset: 3, type: "message", payload: [1] },
      { topic: "room:tea", offset: 4, type: "message", payload: "not for bob" },
    ]);
  });

  it("is open to nobody unless a rule says so, and only true is a yes", async () => {
    const { route } = open();
    const client = await route.client();
    expect(await client.ask({ type: "upwire.subscribe", id: 1, topic: "room:secret" })).toEqual([failed(1, "forbidden")]);
    expect(await client.ask({ type: "upwire.subscribe", id: 2, topic: "closed" })).toEqual([failed(2, "forbidden")]);
    expect(await client.ask({ type: "upwire.subscribe", id: 3, topic: "nothing:here" })).toEqual([failed(3, "unknown_topic")]);
    expect(await client.ask({ type: "message", topic: "room:secret", id: 4 })).toEqual([failed(4, "forbidden")]);
    expect(await client.ask({ type: "shout", topic: "room:tea", id: 5 })).toEqual([failed(5, "forbidden")]);
    expect(await client.ask({ type: "message", topic: "closed", id: 6 })).toEqual([failed(6, "forbidden")]);
    expect(await client.ask({ type: "message", topic: "nothing:here", id: 7 })).toEqual([failed(7, "unknown_topic")]);
    expect(await client.ask({ type: "message", topic: "closed" })).toEqual([
      { type: "upwire.error", payload: { code: "forbidden", message: expect.any(String) as unknown } },
    ]);
    expect(route.errors).toEqual([]);
  });

  it("gives its state, and has no offsets without history", async () => {
    const { realtime, route } = open();
    const client = await route.client();
    expect(await client.ask({ type: "upwire.subscribe", id: 1, topic: "state:it" })).toEqual([
      { re: 1, payload: { epoch: anEpoch, offset: 0, after: 0, resumed: false, state: { of: "it" } } },
    ]);
    expect(await client.ask({ type: "upwire.subscribe", id: 2, topic: "quiet:one" })).toEqual([{ re: 2, payload: { resumed: false } }]);
    const quiet = realtime.topic("quiet:{name}", { name: "one" });
    expect(await quiet.publish("now", 5, { conflate: "now" })).toEqual({ offset: undefined, delivery: "cluster" });
    expect(await client.heard()).toEqual([{ topic: "quiet:one", type: "now", payload: 5 }]);
    await quiet.publish("now", 6, { except: client.connection });
    expect(await client.heard()).toEqual([]);
    await expect(realtime.topic("closed").publish("x", 1, { conflate: "x" })).rejects.toThrow(/holes/);
  });

  it("is joined and left by the word of the server, by plain clients too", async () => {
    const { realtime, route } = open();
    const client = await route.client();
    const plain = await route.plain();
    const closed = realtime.topic("closed");
    const stranger = await new MemoryRoute({ message: () => {} }).plain();
    await expect(closed.add(stranger.connection)).rejects.toThrow(/no connection of this realtime/);
    await closed.add(client.connection);
    await closed.add(plain.connection);
    expect(await client.heard()).toEqual([{ type: "upwire.subscribed", topic: "closed", payload: { epoch: anEpoch, offset: 0, after: 0, resumed: false } }]);
    await closed.publish("message", { text: "hi" });
    await closed.publish("bytes", Buffer.from("raw"));
    expect(await client.heard()).toEqual([
      { topic: "closed", offset: 1, type: "message", payload: { text: "hi" } },
      { topic: "closed", offset: 2, type: "bytes", bytes: "raw" },
    ]);
    expect(await plain.heard()).toEqual([{ type: "message", payload: { text: "hi" } }, { bytes: "raw" }]);
    expect(closed.delete(client.connection, new RealtimeError("forbidden", "no longer"))).toBe(true);
    expect(closed.delete(plain.connection)).toBe(true);
    expect(closed.delete(plain.connection)).toBe(false);
    expect(await client.heard()).toEqual([
      { type: "upwire.unsubscribed", topic: "closed", error: { code: "forbidden", message: "no longer", retryable: false } },
    ]);
    await closed.publish("message", "to nobody");
    expect([await client.heard(), await plain.heard(), closed.size]).toEqual([[], [], 0]);
  });

  it("is published to once for a key, by whomever, and again for another user's", async () => {
    const realtime = createRealtime({
      authorize: ({ headers }) => String(headers["x-user"]),
      topics: { news: { canSubscribe: () => true, canPublish: () => true } },
    });
    const route = new MemoryRoute(realtime);
    const ann = await route.client({ "x-user": "ann" });
    const bob = await route.client({ "x-user": "bob" });
    const publish = { type: "message", topic: "news", payload: 1, key: "k" };
    const offsets = [];
    for (const [client, id] of [
      [ann, 1],
      [ann, 2],
      [bob, 1],
    ] as const)
      offsets.push(...(await client.ask({ ...publish, id })));
    expect(offsets).toEqual([
      { re: 1, payload: { offset: 1 } },
      { re: 2, payload: { offset: 1 } },
      { re: 1, payload: { offset: 2 } },
    ]);
    const news = realtime.topic("news");
    expect([await news.publish("message", 2, { key: "k" }), await news.publish("message", 2, { key: "k" })].map(({ offset }) => offset)).toEqual([3, 3]);
  });

  it("keeps the order of one client's publishes, however long each is looked at", async () => {
    const waits: (() => void)[] = [];
    const realtime = createRealtime({
      topics: { news: { canPublish: ({ payload }) => (payload === "slow" ? new Promise((resolve) => waits.push(() => resolve(true))) : payload !== "no") } },
    });
    const client = await new MemoryRoute(realtime).client();
    for (const [index, payload] of ["slow", "fast", "no", "slow", "fast"].entries()) client.say({ type: "message", topic: "news", id: index + 1, payload });
    expect(await client.heard()).toEqual([]);
    waits[1]?.();
    expect(await client.heard()).toEqual([]);
    waits[0]?.();
    expect(await client.heard()).toEqual([failed(3, "forbidden"), ...[1, 2, 4, 5].map((re, index) => ({ re, payload: { offset: index + 1 } }))]);
    expect(await client.ask({ type: "message", topic: "news", id: 6, payload: "fast" })).toEqual([{ re: 6, payload: { offset: 5 } }]);
  });

  it("answers replaced to a subscribe that another one or an unsubscribe overtakes, and counts no more than limits.topics", async () => {
    const asked: ((answer: boolean) => void)[] = [];
    const realtime = createRealtime({
      limits: { topics: 2 },
      topics: { "slow:{x}": { canSubscribe: () => new Promise<boolean>((resolve) => asked.push(resolve)) }, "fast:{x}": { canSubscribe: () => true } },
    });
    const client = await new MemoryRoute(realtime).client();
    for (const id of [1, 2]) client.say({ type: "upwire.subscribe", id, topic: "slow:a" });
    expect(await client.heard()).toEqual([failed(1, "replaced")]);
    expect(await client.ask({ type: "upwire.unsubscribe", id: 3, topic: "slow:a" })).toEqual([failed(2, "replaced"), { re: 3 }]);
    for (const answer of asked) answer(true);
    expect(await client.heard()).toEqual([]);
    expect(realtime.topic("slow:{x}", { x: "a" }).size).toBe(0);
    client.say({ type: "upwire.subscribe", id: 4, topic: "slow:b" });
    client.say({ type: "upwire.subscribe", id: 5, topic: "fast:c" });
    client.say({ type: "upwire.subscribe", id: 6, topic: "fast:d" });
    client.say({ type: "upwire.subscribe", id: 7, topic: "fast:c" });
    expect(await client.heard()).toEqual([failed(6, "too_many"), failed(5, "replaced"), { re: 7, payload: expect.anything() as unknown }]);
    expect(realtime.stats.inFlight).toBe(1);
  });

  it("goes on from what was saved", async () => {
    const clock = new FakeClock();
    const options = { clock, topics: { news: { canSubscribe: () => true } } };
    const before = createRealtime(options);
    const first = await new MemoryRoute(before).client();
    const [answer] = (await first.ask({ type: "upwire.subscribe", id: 1, topic: "news" })) as [{ readonly payload: { readonly epoch: string } }];
    for (const number of [1, 2, 3]) await before.topic("news").publish("message", number);
    const restore = await before.save();
    await expect(before.topic("news").publish("message", 4)).rejects.toMatchObject({ code: "unavailable", retryable: true });
    await before.stop();
    const after = createRealtime({ ...options, restore });
    const back = await new MemoryRoute(after).client();
    const { epoch } = answer.payload;
    expect(await back.ask({ type: "upwire.subscribe", id: 1, topic: "news", since: { epoch, offset: 1 } })).toEqual([
      { re: 1, payload: { epoch, offset: 3, after: 1, resumed: true } },
      { topic: "news", offset: 2, type: "message", payload: 2 },
      { topic: "news", offset: 3, type: "message", payload: 3 },
    ]);
    expect(await after.topic("news").publish("message", 4)).toMatchObject({ offset: 4 });
    expect(after.stats.topics).toMatchObject({ resumed: 1 });
  });
});
