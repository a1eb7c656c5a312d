import { SenderNumbers } from "@upwire/cluster/envelope";
import { describe, expect, it } from "vitest";

describe("SenderNumbers", () => {
  it("numbers each topic from 1 on, and says how long ago the number before was published", () => {
    const numbers = new SenderNumbers();
    expect(numbers.take("a", 3, 1000)).toEqual({ first: 1, earlierMs: undefined });
    expect(numbers.take("b", 1, 1000)).toEqual({ first: 1, earlierMs: undefined });
    expect(numbers.take("a", 2, 1500)).toEqual({ first: 4, earlierMs: 500 });
    expect(numbers.take("a", 1, 1500)).toEqual({ first: 6, earlierMs: 0 });
    expect(numbers.top("a", 1600)).toEqual({ topic: "a", number: 6, ageMs: 100 });
    expect(numbers.top("c", 1600)).toBeUndefined();
  });

  it("repeats the newest number in two heartbeats after the last publication, and then no more", () => {
    const numbers = new SenderNumbers();
    numbers.take("a", 1, 0);
    const beats: number[] = [];
    for (let now = 0; now <= 10_000; now += 100) {
      for (const top of numbers.due(now)) {
        expect(top).toEqual({ topic: "a", number: 1, ageMs: now });
        numbers.told(top);
        beats.push(now);
      }
    }
    expect(beats).toEqual([900, 2700]);
  });

  it("sends no heartbeat of a topic that is published to all the time", () => {
    const numbers = new SenderNumbers();
    for (let now = 0; now <= 10_000; now += 100) {
      numbers.take("a", 1, now);
      expect(numbers.due(now)).toEqual([]);
    }
  });

  it("leaves a heartbeat due until it has gone out, and the one of a newer number due behind it", () => {
    const numbers = new SenderNumbers();
    numbers.take("a", 1, 0);
    expect(numbers.due(5000)).toHaveLength(1);
    expect(numbers.due(6000)).toHaveLength(1);
    numbers.take("a", 1, 6000);
    numbers.told({ topic: "a", number: 1 });
    expect(numbers.due(6900)).toEqual([{ topic: "a", number: 2, ageMs: 900 }]);
  });

  it("sends no heartbeat of a topic that no other node listens to, until it is published to again", () => {
    const numbers = new SenderNumbers();
    numbers.take("a", 1, 0);
    numbers.rest("a");
    expect(numbers.due(5000)).toEqual([]);
    numbers.take("a", 1, 5000);
    expect(numbers.due(6000)).toHaveLength(1);
  });

  it("repeats what was published while a receiver was cut off, and only that", () => {
    const numbers = new SenderNumbers();
    for (const [topic, at] of [
      ["old", 0],
      ["cut", 20_000],
      ["cut too", 29_000],
      ["old", 500],
    ] as const) {
      numbers.take(topic, 1, at);
    }
    for (const beat of [30_000, 40_000]) for (const top of numbers.due(beat)) numbers.told(top);
    expect(numbers.due(50_000)).toEqual([]);
    numbers.repeat(30_000, 50_000);
    const due = numbers.due(50_000);
    expect(due.map(({ topic }) => topic).toSorted()).toEqual(["cut", "cut too"]);
    for (const top of due) numbers.told(top);
    expect(numbers.due(60_000)).toEqual([]);
  });

  it("finds a topic to repeat that was published to often, and moved long before", () => {
    const numbers = new SenderNumbers();
    for (let now = 0; now <= 900; now += 300) numbers.take("often", 1, now);
    numbers.take("later", 1, 950);
    for (const beat of [5000, 8000]) for (const top of numbers.due(beat)) numbers.told(top);
    numbers.repeat(9150, 10_000);
    expect(numbers.due(10_000)).toHaveLength(2);
  });

  it("forgets what was published too long ago, and never gives a number of that topic again", () => {
    const numbers = new SenderNumbers({ rememberMs: 60_000 });
    numbers.take("a", 70, 0);
    numbers.take("b", 1, 30_000);
    numbers.sweep(60_000);
    expect(numbers.size).toBe(2);
    numbers.sweep(60_001);
    expect(numbers.size).toBe(1);
    expect(numbers.take("a", 1, 60_001)).toEqual({ first: 71, earlierMs: undefined });
    expect(numbers.take("b", 1, 60_001)).toEqual({ first: 2, earlierMs: 30_001 });
  });

  it("remembers no more topics than allowed, the newest ones", () => {
    const numbers = new SenderNumbers({ maxTopics: 10 });
    for (let at = 0; at < 1000; at++) numbers.take(`topic-${at}`, 1, at);
    expect(numbers.size).toBe(10);
    expect(numbers.top("topic-990", 1000)?.number).toBeGreaterThan(0);
    expect(numbers.due(1_000_000)).toHaveLength(10);
  });
});
