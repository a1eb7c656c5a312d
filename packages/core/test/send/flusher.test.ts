import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Flusher, type Flushable } from "../../src/send/flusher.ts";
import { FakeClock } from "../helpers/fake-clock.ts";

class Target implements Flushable {
  flushes = 0;

  flush(): undefined {
    this.flushes++;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

describe("when waiting frames are written", () => {
  it("is the end of the turn for what one client gets", async () => {
    const flusher = new Flusher(new FakeClock(), 0);
    const target = new Target();
    flusher.add(target);
    expect(target.flushes).toBe(0);
    await turns(1);
    expect(target.flushes).toBe(1);
  });

  it("is after a turn that brought nothing more for many, and at the latest after a millisecond of them", async () => {
    const clock = new FakeClock();
    const flusher = new Flusher(clock, 0);
    const target = new Target();
    flusher.addBroadcast(target);
    for (let turn = 0; turn < 5; turn++) {
      await setImmediate();
      flusher.countBroadcast();
    }
    expect(target.flushes).toBe(0);
    await turns(2);
    expect(target.flushes).toBe(1);

    flusher.addBroadcast(target);
    await setImmediate();
    flusher.countBroadcast();
    clock.advance(1);
    await turns(1);
    expect(target.flushes).toBe(2);
  });

  it("is the end of each turn for replies, while messages to many are gathered", async () => {
    const flusher = new Flusher(new FakeClock(), 0);
    const many = new Target();
    flusher.addBroadcast(many);
    for (let turn = 0; turn < 5; turn++) {
      const reply = new Target();
      flusher.add(reply);
      flusher.countBroadcast();
      await setImmediate();
      expect([reply.flushes, many.flushes]).toEqual([1, 0]);
    }
    await turns(2);
    expect(many.flushes).toBe(1);
  });

  it("is not before maxBatchDelayMs have passed since the last time, and at once after a pause", async () => {
    const clock = new FakeClock();
    const flusher = new Flusher(clock, 5);
    const target = new Target();
    flusher.add(target);
    await turns(2);
    expect(target.flushes).toBe(1);

    clock.advance(2);
    flusher.add(target);
    await turns(5);
    expect(target.flushes).toBe(1);
    clock.advance(3);
    expect(target.flushes).toBe(2);

    clock.advance(100);
    flusher.add(target);
    await turns(2);
    expect(target.flushes).toBe(3);
  });

  it("comes in slices, so that thousands do not hold up the event loop", async () => {
    const flusher = new Flusher(new FakeClock(), 0);
    const singles = Array.from({ length: 1250 }, () => new Target());
    const groups = Array.from({ length: 3 }, () => Object.assign(new Target(), { size: 200 }));
    for (const target of singles) flusher.addBroadcast(target);
    for (const group of groups) flusher.addGroup(group);
    // This turn gathers.
    await setImmediate();
    const left = [];
    do {
      await setImmediate();
      left.push([...singles, ...groups].filter(({ flushes }) => flushes === 0).length);
    } while (left.at(-1) !== 0 && left.length < 10);
    // Groups first; each slice stops behind 500 sockets.
    expect(left).toEqual([1250, 750, 250, 0]);
    expect([...singles, ...groups].every(({ flushes }) => flushes === 1)).toBe(true);
  });
});
