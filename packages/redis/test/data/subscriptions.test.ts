import type { PublicationsEnvelope } from "@upwire/cluster/envelope";
import type { BrokerState, HistoryBounds } from "@upwire/cluster/broker";
import { FakeClock } from "@upwire/testing";
import { expect, it } from "vitest";
import { HistoryCalls } from "../../src/data/calls.ts";
import { Names } from "../../src/data/names.ts";
import { SeenTopics } from "../../src/data/seen-topics.ts";
import { Subscriptions } from "../../src/data/subscriptions.ts";
import { RedisReplyError, type RedisCall, type RedisDriver } from "../../src/driver/driver.ts";

const history: HistoryBounds = { messages: 10, bytes: 1000, ageMs: 1000 };
const names = new Names("p");
const channels = (...topics: readonly string[]): readonly string[] => topics.map((topic) => names.channel(topic));

/** Subscriptions over a driver that notes what it is asked for, and answers when the test says so. */
function make({ sharded = false } = {}) {
  const asked: { readonly channels: readonly string[]; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const dropped: (readonly string[])[] = [];
  const trips: (readonly RedisCall[])[] = [];
  const told: string[] = [];
  let state: BrokerState = "up";
  const driver: RedisDriver = {
    sharded,
    start: async () => {},
    state: () => state,
    call: async () => null,
    async many(calls) {
      trips.push(calls);
      const found = (keys: number): string =>
        Array(keys / 2)
          .fill("epoch-01 5 run1")
          .join(" ");
      return calls.map((call) => [Buffer.from(found("keys" in call ? call.keys.length : 0)), []]);
    },
    publication: (channel, data) => ({ args: ["PUBLISH", channel, data] }),
    subscribe: (some) => new Promise((resolve, reject) => void asked.push({ channels: some, resolve, reject })),
    unsubscribe: async (some) => void dropped.push(some),
    close: async () => {},
  };
  const clock = new FakeClock();
  const sink = {
    message: (topic: string, { data }: { readonly data: unknown }) => void told.push(`${topic}: ${String(data)}`),
    top: (topic: string) => void told.push(`top ${topic}`),
    gap: (topic: string) => void told.push(`gap ${topic}`),
  };
  const counts = { published: 0, rejected: 0, received: 0, lost: 0, foreign: 0 };
  const seen = new SeenTopics();
  const calls = new HistoryCalls({ names, node: "own", isSharded: sharded });
  const subscriptions = new Subscriptions({ driver, names, node: "own", clock, sink, counts, report: () => {} }, calls, (topic) => seen.of(topic));
  const goes = (next: BrokerState): void => {
    state = next;
    if (next === "down") subscriptions.down();
  };
  return { subscriptions, asked, dropped, trips, told, clock, goes };
}

/** What was asked for in this turn has gone out, and what it led to as well. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function from(node: string, first: number, data: string): PublicationsEnvelope {
  return { kind: "publications", node, first, earlierMs: 0, position: undefined, items: [{ data, origin: undefined }] };
}

it("asks for all topics of a turn together, and for all their positions once they are subscribed", async () => {
  const { subscriptions, asked, trips, told } = make();
  const topics = Array.from({ length: 450 }, (_, number) => `t${number}`);
  const positions = Promise.all(topics.map((topic) => subscriptions.subscribe(topic, history)));
  const plain = [subscriptions.subscribe("x", undefined), subscriptions.subscribe("y", undefined)];
  expect(plain[0]).toBe(plain[1]);
  await turns();
  expect([asked.length, asked[0]?.channels, trips]).toEqual([1, channels(...topics, "x", "y"), []]);
  asked[0]?.resolve();
  expect(await positions).toEqual(topics.map(() => ({ epoch: "epoch-01", offset: 5 })));
  expect(await Promise.all(plain)).toEqual([undefined, undefined]);
  expect(trips.map((calls) => calls.map((call) => ("keys" in call ? call.keys.length / 2 : 0)))).toEqual([[200, 200, 50]]);
  expect(told).toEqual(topics.map((topic) => `top ${topic}`));
  await subscriptions.lookAtAll();
  expect(trips.map((calls) => calls.length)).toEqual([3, 3]);
});

it("asks for each topic by itself where keys live in slots", async () => {
  const { subscriptions, asked, trips } = make({ sharded: true });
  const positions = ["a", "b", "c"].map((topic) => subscriptions.subscribe(topic, history));
  await turns();
  asked[0]?.resolve();
  await Promise.all(positions);
  expect(trips.map((calls) => calls.map((call) => ("keys" in call ? call.keys : [])))).toEqual([
    ["a", "b", "c"].map((topic) => [names.meta(topic), names.stream(topic)]),
  ]);
});

it("sends nothing for what is given up and asked for again within a turn", async () => {
  const { subscriptions, asked, dropped } = make();
  const first = subscriptions.subscribe("a", undefined);
  await turns();
  asked[0]?.resolve();
  await first;
  void subscriptions.subscribe("b", undefined);
  await subscriptions.unsubscribe("b");
  void subscriptions.unsubscribe("a");
  await subscriptions.subscribe("a", undefined);
  await turns();
  expect([asked.length, dropped.flat()]).toEqual([1, []]);
  await subscriptions.unsubscribe("a");
  expect(dropped.flat()).toEqual(channels("a"));
});

it("asks again for what the server has refused, and not for more than that", async () => {
  const { subscriptions, asked, dropped } = make();
  const refused = [subscriptions.subscribe("a", undefined), subscriptions.subscribe("b", history)];
  await turns();
  asked[0]?.reject(new RedisReplyError("NOPERM no"));
  for (const one of refused) await expect(one).rejects.toThrow("NOPERM");
  const again = subscriptions.subscribe("a", undefined);
  await turns();
  expect(asked[1]?.channels).toEqual(channels("a"));
  asked[1]?.resolve();
  await again;
  await subscriptions.unsubscribe("b");
  expect(dropped).toEqual([]);
});

it("lets topics without history go on alone when Redis goes away, and those with history wait for its return the next time", async () => {
  const { subscriptions, asked, goes } = make();
  const plain = subscriptions.subscribe("plain", undefined);
  const kept = subscriptions.subscribe("kept", history);
  await turns();
  goes("down");
  await expect(plain).resolves.toBeUndefined();
  await expect(kept).rejects.toThrow("not connected");
  await expect(subscriptions.subscribe("kept", history)).rejects.toThrow("not connected");
  // The driver is on its way back, and has not subscribed all of it yet.
  goes("degraded");
  const later = subscriptions.subscribe("kept", history);
  asked[0]?.resolve();
  await expect(later).resolves.toEqual({ epoch: "epoch-01", offset: 5 });
});

it("rejects what waits when it is closed", async () => {
  const { subscriptions } = make();
  const waiting = [subscriptions.subscribe("plain", undefined), subscriptions.subscribe("kept", history)];
  subscriptions.close();
  for (const one of waiting) await expect(one).rejects.toThrow("this broker has been closed");
});

it("misses what was published after the server's acknowledgement, on topics that were silent until then too", async () => {
  const { subscriptions, asked, told, clock } = make();
  const both = ["a", "b"].map((topic) => subscriptions.subscribe(topic, undefined));
  await turns();
  const [a = ""] = channels("a");
  // Nothing is told before all of it is acknowledged.
  subscriptions.publications(a, from("other", 1, "early"));
  asked[0]?.resolve();
  await Promise.all(both);
  clock.advance(5000);
  subscriptions.publications(a, from("other", 7, "x"));
  expect(told).toEqual(["gap a", "a: x"]);
  subscriptions.publications(a, from("other", 8, "y"));
  subscriptions.tops(a, { kind: "tops", node: "other", tops: [{ topic: "a", number: 9, ageMs: 100 }] });
  expect(told.slice(2)).toEqual(["a: y", "gap a"]);
  // What came is forgotten by a topic that is given up, though nothing is sent for that.
  void subscriptions.unsubscribe("a");
  await subscriptions.subscribe("a", undefined);
  subscriptions.publications(a, from("other", 12, "z"));
  subscriptions.loseAll();
  expect(told.slice(4)).toEqual(["a: z", "gap a", "gap b"]);
});
