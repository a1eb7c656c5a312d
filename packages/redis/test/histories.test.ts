import type { BrokerData, HistoryBounds } from "@upwire/cluster/broker";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../testing/src/fuzz/random.ts";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
let server: RedisServer;

beforeAll(async () => {
  if (missing === undefined) server = await startRedis();
});
afterAll(() => server?.close());

describe.skipIf(missing !== undefined)(`histories of redisBroker${missing === undefined ? "" : ` (${missing})`}`, () => {
  it("are what a list with the same bounds would be, whatever is published, over 12 seeded stories", { timeout: 60_000 }, async () => {
    const node = await TestNode.start({ url: server.url, prefix: "story" });
    for (let seed = 1; seed <= 12; seed++) await playStory(node, seed);
  });

  it("carry topics and keys of any characters, and publications of no byte and of 1 MiB", async () => {
    const [node, other] = await Promise.all([TestNode.start({ url: server.url, prefix: "odd" }), TestNode.start({ url: server.url, prefix: "odd" })]);
    const topics = ["", "}", "{", "{}", "a}b", "{a}", "a b\r\n*", "\0", "ä€\u{1f600}", "\ud800", "\udfff", "x".repeat(512), "upwire:m:{=a}"];
    const large = Buffer.alloc(1024 * 1024, "ab€");
    const small: readonly BrokerData[] = ["", new Uint8Array(0), "text €", Uint8Array.of(0, 255, 13, 10), large.toString("latin1").slice(0, 1000)];
    const bounds: HistoryBounds = { messages: 100, bytes: 10_000_000, ageMs: 60_000 };
    for (const topic of topics) {
      await other.broker.subscribe(topic, { history: bounds });
      const data = topic === "}" ? [...small, large] : small;
      for (const [at, one] of data.entries()) {
        const options = { history: bounds, key: `k}${at}\0\ud800\r\n`, origin: "o".repeat(64) };
        const { position } = await node.broker.publish(topic, one, options);
        expect(await node.broker.publish(topic, "again", options)).toMatchObject({ position, repeated: true });
      }
      const page = await node.broker.history(topic, 0, 100);
      let publications = page.publications;
      while (publications.length < data.length) publications = [...publications, ...(await node.broker.history(topic, publications.length, 100)).publications];
      expect(publications.map(({ data: kept }) => asText(kept))).toEqual(data.map(asText));
      await until("the other node has all", () => other.dataOf(topic).length === data.length);
      expect(other.dataOf(topic).map((told) => asText(told as BrokerData))).toEqual(data.map(asText));
    }
    expect(other.messages.every(({ origin }) => origin === "o".repeat(64))).toBe(true);
  });

  it("answer for each key of a batch, the doubled and the known ones, and tell each publication once", async () => {
    const [node, other] = await Promise.all([TestNode.start({ url: server.url, prefix: "keys" }), TestNode.start({ url: server.url, prefix: "keys" })]);
    await other.broker.subscribe("a", { history });
    const first = await node.broker.publish("a", "1", { history, key: "one" });
    const keys = ["one", "two", undefined, "two", "three", "one", undefined, "three"];
    const results = await Promise.all(keys.map((key, at) => node.broker.publish("a", `${at}`, { history, ...(key !== undefined && { key }) })));
    expect(results.map(({ repeated }) => repeated)).toEqual([true, false, false, true, false, true, false, true]);
    expect(results.map(({ position }) => position?.offset)).toEqual([1, 2, 3, 2, 4, 1, 5, 4]);
    expect(new Set(results.map(({ position }) => position?.epoch))).toEqual(new Set([first.position?.epoch]));
    await until("the other node has all", () => other.messages.length >= 5);
    expect(other.messages.map(({ data, position }) => [position?.offset, data])).toEqual([
      [1, "1"],
      [2, "1"],
      [3, "2"],
      [4, "4"],
      [5, "6"],
    ]);
  });

  it("hold what thousands of publications of one turn were, in their order", async () => {
    const [node, other] = await Promise.all([TestNode.start({ url: server.url, prefix: "many" }), TestNode.start({ url: server.url, prefix: "many" })]);
    await other.broker.subscribe("a", { history });
    const all = Array.from({ length: 5000 }, (_, at) => `${at}`);
    const results = await Promise.all(all.map((data) => node.broker.publish("a", data, { history })));
    expect(results.map(({ position }) => position?.offset)).toEqual(all.map((_, at) => at + 1));
    await until("the other node has all", () => other.messages.length === all.length);
    expect(other.dataOf("a")).toEqual(all);
    const kept: BrokerData[] = [];
    while (kept.length < all.length) {
      const page = await other.broker.history("a", kept.length, 700);
      expect(page.publications.length).toBeLessThanOrEqual(700);
      expect(page.publications[0]?.offset).toBe(kept.length + 1);
      kept.push(...page.publications.map(({ data }) => data));
    }
    expect(kept).toEqual(all);
  });
});

function asText(data: BrokerData): string {
  return typeof data === "string" ? `text ${data}` : `bytes ${Buffer.from(data).toString("base64")}`;
}

/** Batches of publications with bounds that change, beside a list that is trimmed after each. */
async function playStory({ broker }: TestNode, seed: number): Promise<void> {
  const random = new Random(seed, 7);
  const topic = `story ${seed}`;
  let bounds: HistoryBounds = { messages: 1 + random.below(40), bytes: 1 + random.below(2000), ageMs: 60_000 };
  let list: { readonly offset: number; readonly data: string }[] = [];
  let top = 0;
  for (let step = 0; step < 12; step++) {
    if (random.once(4)) bounds = { messages: random.below(200), bytes: random.below(4000), ageMs: 60_000 };
    const batch = Array.from({ length: random.below(random.once(3) ? 300 : 5) }, () => "x".repeat(random.once(9) ? random.below(3000) : random.below(60)));
    const options = { history: bounds };
    const results = await Promise.all(batch.map((data) => broker.publish(topic, data, options)));
    expect(results.map(({ position }) => position?.offset)).toEqual(batch.map((_, at) => top + 1 + at));
    list.push(...batch.map((data) => ({ offset: ++top, data })));
    // Bounds count from the publication that gives them.
    if (batch.length > 0) list = trimmed(list, bounds);
    if (top === 0) continue;
    const after = random.once(2) ? 0 : random.below(top + 2);
    const limit = 1 + random.below(100);
    const page = await broker.history(topic, after, limit);
    expect(page.top, `seed ${seed}, step ${step}`).toBe(top);
    expect(page.first, `seed ${seed}, step ${step}`).toBe(list[0]?.offset ?? top + 1);
    const expected = list.filter(({ offset }) => offset > after).slice(0, limit);
    expect(page.publications, `seed ${seed}, step ${step}`).toEqual(expected.slice(0, page.publications.length));
    expect(page.publications.length > 0, `seed ${seed}, step ${step}`).toBe(expected.length > 0);
  }
}

function trimmed<Item extends { readonly data: string }>(list: readonly Item[], { messages, bytes }: HistoryBounds): Item[] {
  let from = list.length;
  let size = 0;
  while (from > 0 && list.length - from < messages && size + (list[from - 1]?.data.length ?? 0) <= bytes) size += list[--from]?.data.length ?? 0;
  return list.slice(from);
}
