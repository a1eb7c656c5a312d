import { expect, it } from "vitest";
import { Publication, type PublicationTopic } from "../../src/topics/publication.ts";
import { CacheBudget, Recent } from "../../src/topics/recent.ts";

const topic: PublicationTopic = { head: "", hasHistory: true, missed: () => {} };
const publication = (offset: number, data = "{}"): Publication => new Publication(topic, { epoch: "epoch-1", offset, data, isOriginKnown: true, at: 0 });
const offsets = (cache: Recent): number[] => Array.from({ length: cache.size }, (_, at) => cache.get(cache.first + at)?.offset ?? -1);
const BIG = { messages: 1000, bytes: 1_000_000 };

it("keeps the newest within its bounds, and finds each by its offset", () => {
  const cache = new Recent({ messages: 100, bytes: 1_000_000 }, new CacheBudget(1_000_000));
  for (let offset = 1; offset <= 1000; offset++) {
    cache.push(publication(offset));
    expect(cache.size).toBe(Math.min(offset, 100));
    expect(cache.get(offset)?.offset).toBe(offset);
    expect(cache.get(cache.first)?.offset).toBe(Math.max(1, offset - 99));
    expect(cache.get(cache.first - 1)).toBeUndefined();
    expect(cache.get(offset + 1)).toBeUndefined();
  }
  const small = new Recent({ messages: 100, bytes: 3 * publication(1, "x".repeat(500)).cost }, new CacheBudget(1_000_000));
  for (let offset = 1; offset <= 10; offset++) small.push(publication(offset, "x".repeat(500)));
  expect(offsets(small)).toEqual([8, 9, 10]);
});

it("begins anew behind a hole", () => {
  const cache = new Recent(BIG, new CacheBudget(1_000_000));
  for (const offset of [1, 2, 5, 6]) cache.push(publication(offset));
  expect(offsets(cache)).toEqual([5, 6]);
  expect(cache.get(2)).toBeUndefined();
});

it("takes older ones that end where it begins, as many as there is room for", () => {
  const cache = new Recent({ messages: 4, bytes: 1_000_000 }, new CacheBudget(1_000_000));
  cache.push(publication(9));
  cache.prepend([publication(5), publication(6)], 9);
  expect(offsets(cache)).toEqual([9]);
  cache.prepend(
    [4, 5, 6, 7, 8].map((offset) => publication(offset)),
    9,
  );
  expect(offsets(cache)).toEqual([6, 7, 8, 9]);
  cache.push(publication(10));
  expect(offsets(cache)).toEqual([7, 8, 9, 10]);
  const empty = new Recent(BIG, new CacheBudget(1_000_000));
  empty.prepend([publication(3), publication(4)], 5);
  expect(offsets(empty)).toEqual([]);
  empty.prepend([publication(4), publication(5)], 5);
  empty.push(publication(6));
  expect(offsets(empty)).toEqual([4, 5, 6]);
});

it("all caches together stay within a budget, and the one that was not used for longest goes first", () => {
  const one = publication(1).cost;
  const budget = new CacheBudget(10 * one);
  const [first, second, third] = [new Recent(BIG, budget), new Recent(BIG, budget), new Recent(BIG, budget)];
  for (let offset = 1; offset <= 4; offset++) for (const cache of [first, second]) cache.push(publication(offset));
  first.push(publication(5));
  for (let offset = 1; offset <= 4; offset++) third.push(publication(offset));
  expect([first.size, second.size, third.size]).toEqual([5, 0, 4]);
  expect(budget.bytes).toBe(9 * one);
  for (const cache of [first, third]) cache.clear();
  expect(budget.bytes).toBe(0);
});
