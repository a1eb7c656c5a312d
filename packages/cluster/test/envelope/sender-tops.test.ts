import { SenderNumbers, SenderTops } from "@upwire/cluster/envelope";
import { describe, expect, it } from "vitest";
import { Random } from "../../../testing/src/fuzz/random.ts";

function makeTops() {
  const gaps: string[] = [];
  return { tops: new SenderTops((topic) => gaps.push(topic)), gaps };
}

describe("SenderTops", () => {
  it("sees a hole before the publications behind it, once", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    expect(tops.came("a", "sender", { first: 1, earlierMs: undefined }, 2, 10)).toBe(0);
    expect(tops.came("a", "sender", { first: 3, earlierMs: 5 }, 1, 15)).toBe(0);
    expect(gaps).toEqual([]);
    expect(tops.came("a", "sender", { first: 5, earlierMs: 5 }, 1, 20)).toBe(0);
    expect(gaps).toEqual(["a"]);
    tops.shown("sender", { topic: "a", number: 5, ageMs: 100 }, 120);
    expect(tops.came("a", "sender", { first: 6, earlierMs: 5 }, 1, 130)).toBe(0);
    expect(gaps).toEqual(["a"]);
  });

  it("does not remember without bound whatever senders there are said to be", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.came("a", "first", { first: 1, earlierMs: undefined }, 1, 10);
    for (let sender = 0; sender < 4096; sender++) tops.shown(`sender-${sender}`, { topic: "a", number: 1, ageMs: 0 }, 10);
    // It is one that was never heard again: it goes by the time.
    expect(tops.came("a", "first", { first: 1, earlierMs: undefined }, 1, 20)).toBe(0);
    expect(tops.came("a", "sender-4095", { first: 1, earlierMs: undefined }, 1, 20)).toBe(1);
    expect(gaps).toEqual([]);
  });

  it("sees by a heartbeat that the last publication is missing, once", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.came("a", "sender", { first: 1, earlierMs: undefined }, 1, 10);
    tops.shown("sender", { topic: "a", number: 2, ageMs: 900 }, 1000);
    expect(gaps).toEqual(["a"]);
    tops.shown("sender", { topic: "a", number: 2, ageMs: 2700 }, 2800);
    expect(gaps).toEqual(["a"]);
  });

  it("says how many publications came before, when an envelope comes twice or in part", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.came("a", "sender", { first: 1, earlierMs: undefined }, 4, 10);
    expect(tops.came("a", "sender", { first: 1, earlierMs: undefined }, 4, 10)).toBe(4);
    expect(tops.came("a", "sender", { first: 3, earlierMs: 1 }, 4, 10)).toBe(2);
    expect(tops.came("a", "sender", { first: 7, earlierMs: 1 }, 1, 10)).toBe(0);
    expect(gaps).toEqual([]);
  });

  it("counts each sender and each topic by itself", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.listen("b", 0);
    tops.came("a", "one", { first: 1, earlierMs: undefined }, 9, 10);
    tops.came("a", "two", { first: 1, earlierMs: undefined }, 1, 10);
    tops.came("b", "one", { first: 1, earlierMs: undefined }, 1, 10);
    expect(gaps).toEqual([]);
    tops.came("b", "one", { first: 3, earlierMs: 1 }, 1, 10);
    expect(gaps).toEqual(["b"]);
  });

  it("misses nothing that was published before it listened, though it comes late", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 100_000);
    tops.came("a", "one", { first: 58, earlierMs: 2000 }, 1, 100_500);
    tops.shown("two", { topic: "a", number: 7, ageMs: 900 }, 100_800);
    tops.came("a", "one", { first: 59, earlierMs: 500 }, 1, 101_000);
    expect(gaps).toEqual([]);
  });

  it("misses what a sender that it never heard of published since", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.shown("one", { topic: "a", number: 1, ageMs: 900 }, 20_000);
    expect(gaps).toEqual(["a"]);
    tops.came("a", "two", { first: 8, earlierMs: 3000 }, 1, 30_000);
    expect(gaps).toEqual(["a", "a"]);
  });

  it("misses what was published while it was cut off, and nothing older, of a sender that it never heard of", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.cut(10_000);
    tops.came("a", "one", { first: 2, earlierMs: 30_000 }, 1, 15_000);
    tops.shown("two", { topic: "a", number: 2, ageMs: 6000 }, 15_000);
    expect(gaps).toEqual([]);
    tops.shown("three", { topic: "a", number: 2, ageMs: 4000 }, 15_000);
    expect(gaps).toEqual(["a"]);
  });

  it("misses nothing of a topic that it does not listen to, and gives nothing of it on", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.came("a", "sender", { first: 1, earlierMs: undefined }, 1, 0);
    tops.unlisten("a");
    expect(tops.came("a", "sender", { first: 9, earlierMs: 0 }, 2, 5000)).toBe(2);
    tops.shown("sender", { topic: "a", number: 20, ageMs: 0 }, 5000);
    expect(gaps).toEqual([]);
    expect(tops.size).toBe(0);
  });

  it("takes the number that a sender tells at the beginning for where it begins", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.begin("sender", { topic: "a", number: 0 });
    tops.came("a", "sender", { first: 2, earlierMs: 0 }, 1, 0);
    expect(gaps).toEqual(["a"]);
  });

  it("knows that a sender which came back to a forgotten topic left nothing out", () => {
    const { tops, gaps } = makeTops();
    const numbers = new SenderNumbers({ rememberMs: 60_000 });
    tops.listen("a", 0);
    tops.came("a", "sender", numbers.take("a", 5, 10), 5, 10);
    numbers.sweep(100_000);
    expect(tops.came("a", "sender", numbers.take("a", 1, 100_000), 1, 100_000)).toBe(0);
    expect(tops.came("a", "sender", numbers.take("a", 1, 100_010), 1, 100_010)).toBe(0);
    expect(gaps).toEqual([]);
  });

  it("forgets a sender that has ended, and can say that any topic lacks something", () => {
    const { tops, gaps } = makeTops();
    tops.listen("a", 0);
    tops.listen("b", 0);
    tops.came("a", "sender", { first: 7, earlierMs: undefined }, 1, 10);
    tops.forget("sender");
    tops.came("a", "sender", { first: 1, earlierMs: undefined }, 1, 10);
    expect(gaps).toEqual([]);
    tops.loseAll();
    expect(gaps).toEqual(["a", "b"]);
  });
});

describe("SenderNumbers and SenderTops together", () => {
  // Each loss must be told within 5 s of its publication, and no gap may be told without one.
  it("tell each loss and no other, whatever is lost, doubled or late, over 60 seeded stories", () => {
    for (let seed = 1; seed <= 60; seed++) playStory(seed);
  });
});

/** One receiver, three senders, four topics; envelopes and heartbeats get lost only while the receiver is cut off. */
function playStory(seed: number): void {
  const random = new Random(seed, 0);
  const topics = ["a", "b", "c", "d"];
  let now = 1_000_000;
  /** What has lost something that no gap has told yet, as "topic sender". */
  const lost = new Set<string>();
  const told: string[] = [];
  const tops = new SenderTops((topic) => told.push(topic));
  const senders = [1, 2, 3].map((number) => ({ name: `sender-${number}`, numbers: new SenderNumbers() }));
  let cutSince: number | undefined;

  const checkGaps = (name: string): void => {
    for (const topic of told.splice(0)) {
      expect(lost.delete(`${topic} ${name}`), `seed ${seed}: a gap of ${topic} where nothing of ${name} was lost`).toBe(true);
    }
  };
  const heartbeat = (): void => {
    for (const { name, numbers } of senders) {
      for (const top of numbers.due(now)) {
        numbers.told(top);
        if (cutSince === undefined) tops.shown(name, top, now + random.below(30));
      }
      checkGaps(name);
    }
  };
  const publish = (name: string, numbers: SenderNumbers, topic: string): void => {
    const count = 1 + random.below(3);
    const taken = numbers.take(topic, count, now);
    if (cutSince !== undefined) {
      lost.add(`${topic} ${name}`);
      return;
    }
    expect(tops.came(topic, name, taken, count, now)).toBe(0);
    if (random.once(5)) expect(tops.came(topic, name, taken, count, now)).toBe(count);
    checkGaps(name);
  };
  const comeBack = (): void => {
    if (cutSince === undefined) return;
    tops.cut(cutSince);
    for (const { numbers } of senders) numbers.repeat(now - cutSince + 2000, now);
    cutSince = undefined;
  };

  for (const topic of topics) if (random.once(2)) senders[0]?.numbers.take(topic, 1 + random.below(5), now);
  now += 5000;
  for (const topic of topics) tops.listen(topic, now);
  now += 1500;
  for (let step = 0; step < 120; step++) {
    now += random.below(400);
    const { name, numbers } = random.pick(senders);
    if (random.below(10) < 6) publish(name, numbers, random.pick(topics));
    else if (cutSince === undefined && random.once(8)) cutSince = now++;
    else if (random.once(3)) comeBack();
    heartbeat();
  }
  comeBack();
  now += 4000;
  heartbeat();
  expect([...lost], `seed ${seed}: losses that were not told`).toEqual([]);
}
