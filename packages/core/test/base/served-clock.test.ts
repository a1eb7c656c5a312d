import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { ServedClock } from "../../src/base/served-clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import { FakeClock } from "../helpers/fake-clock.ts";

const START = 1000;

interface Started {
  readonly base: FakeClock;
  readonly clock: ServedClock;
  readonly log: string[];
  readonly note: (name: string) => () => void;
}

function started(): Started {
  const base = new FakeClock();
  const clock = new ServedClock(base);
  const log: string[] = [];
  return { base, clock, log, note: (name) => () => void log.push(`${name} at ${clock.now() - START}`) };
}

async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at++) await turn();
}

it.each([0, 1, 40, 51, 100, 400, 1000, 5000, 10_007, 600_000])("is exact without a pause: %i ms", (ms) => {
  const { base, clock, log, note } = started();
  clock.after(ms, note("due"));
  base.advance(ms - 0.5);
  if (ms > 0) expect(log).toEqual([]);
  base.advance(0.5);
  expect(log).toEqual([`due at ${ms}`]);
  expect([base.pending, clock.lateMs]).toEqual([0, 0]);
});

it("does not count a pause: at most two of its four looks", async () => {
  const { base, clock, log, note } = started();
  clock.after(1000, note("due"));
  base.advance(100);
  base.pause(22_000);
  base.advance(0);
  await turns(5);
  expect([log, clock.now() - START, clock.lateMs]).toEqual([[], 500, 21_850]);
  base.advance(499);
  expect(log).toEqual([]);
  base.advance(251);
  expect(log).toHaveLength(1);
});

it("lets the event loop read before it judges what is late", async () => {
  const { base, clock, log, note } = started();
  clock.every(100, note("beat"));
  base.advance(100);
  base.pause(1000);
  base.advance(0);
  expect(log).toEqual(["beat at 100"]);
  await turn();
  expect(log).toEqual(["beat at 100"]);
  await turns(2);
  expect(log).toEqual(["beat at 100", "beat at 300"]);
  base.advance(100);
  expect(log.at(-1)).toBe("beat at 400");
});

it("makes every timer wait that comes due while it reads, and forgets one that was called off", async () => {
  const { base, clock, log, note } = started();
  clock.after(200, note("first"));
  const second = clock.after(200, note("second"));
  clock.after(1, note("third"));
  base.pause(10_000);
  base.advance(0);
  second.cancel();
  await turns(5);
  base.advance(300);
  expect(log.map((line) => line.split(" ")[0])).toEqual(["third", "first"]);
});

it("counts the whole of what is a little late, and goes on for ever on a busy server", async () => {
  const { base, clock, log, note } = started();
  clock.every(100, note("beat"));
  for (let beats = 0; beats < 5; beats++) {
    base.pause(190);
    base.advance(0);
    await turns(3);
  }
  expect(clock.now() - START).toBe(5 * 190);
  for (let beats = 0; beats < 5; beats++) {
    base.pause(1000);
    base.advance(0);
    await turns(3);
  }
  // Twice the interval counts of each.
  expect([log.length, clock.now() - START]).toEqual([10, 5 * 190 + 5 * 200]);
});

it("knows of a pause as soon as it is asked, and counts idle time as time", () => {
  const { base, clock } = started();
  base.pause(5000);
  expect([clock.now() - START, clock.lateMs]).toEqual([5000, 0]);
  const timer = clock.after(1000, () => {});
  base.pause(5000);
  expect([clock.now() - START, clock.lateMs]).toEqual([5500, 4750]);
  timer.cancel();
  base.pause(5000);
  expect([clock.now() - START, clock.lateMs]).toEqual([10_500, 4750]);
});

it("is itself where a clock is asked for", () => {
  const { clock } = started();
  expect(ServedClock.from(clock)).toBe(clock);
});

it("on the real clock a timer runs behind a look at the sockets, unless it was called off", async () => {
  const order: string[] = [];
  await new Promise<void>((done) => {
    setTimeout(() => {
      setImmediate(() => order.push("polled"));
      order.push("timers");
    }, 1);
    systemClock.after(1, () => {
      order.push("judged");
      done();
    });
  });
  expect(order).toEqual(["timers", "polled", "judged"]);
});
