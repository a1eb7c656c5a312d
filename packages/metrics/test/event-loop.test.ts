import { performance } from "node:perf_hooks";
import { guardedClock } from "@upwire/core/adapter";
import { expect, it, onTestFinished, vi } from "vitest";
import { EventLoop, eventLoopTimes } from "../src/event-loop.ts";
import { createMetrics } from "../src/index.ts";
import { parseExposition } from "./helpers/exposition.ts";

/** A clock whose one timer runs when the test says so. */
function handClock() {
  const clock = { ms: 0, run: (): void => {}, isRunning: true };
  return {
    now: () => clock.ms,
    after: () => ({ cancel() {} }),
    every(_: number, run: () => void) {
      clock.run = run;
      return { cancel: () => void (clock.isRunning = false) };
    },
    /** Lets time pass, and then the timer run. */
    tick(ms: number) {
      clock.ms += ms;
      clock.run();
    },
    pass: (ms: number) => void (clock.ms += ms),
    isRunning: () => clock.isRunning,
  };
}

const rounded = ({ p50, p99, max }: EventLoop["delays"]): number[] => [p50, p99, max].map((value) => Math.round(value * 1000) / 1000);

it("tells by how much the timers were late", () => {
  const clock = handClock();
  const loop = new EventLoop(clock);
  for (let at = 0; at < 97; at++) clock.tick(21);
  for (let at = 0; at < 3; at++) clock.tick(70);
  clock.tick(320);
  expect(rounded(loop.delays)).toEqual([0.001, 0.05, 0.3]);
  loop.stop();
  expect(clock.isRunning()).toBe(false);
});

it("gives all readers the same until 10 s have passed, and then what happened since", () => {
  const clock = handClock();
  const loop = new EventLoop(clock);
  expect(rounded(loop.delays)).toEqual([0, 0, 0]);
  clock.tick(520);
  expect(rounded(loop.delays)).toEqual([0, 0, 0]);
  for (let ms = 520; ms < 10_000; ms += 20) clock.tick(20);
  expect(loop.delays.max).toBeCloseTo(0.5, 3);
  clock.tick(20);
  expect(loop.delays.max).toBeCloseTo(0.5, 3);
  for (let ms = 20; ms < 10_000; ms += 20) clock.tick(20);
  expect(rounded(loop.delays)).toEqual([0, 0, 0]);
});

it("sees what makes its reader late, before its own timer has run", () => {
  const clock = handClock();
  const loop = new EventLoop(clock);
  clock.tick(20);
  clock.pass(10_020);
  expect(loop.delays.max).toBeCloseTo(10, 1);
  // And does not count it twice.
  clock.tick(10_000);
  clock.pass(20);
  expect(loop.delays.max).toBeCloseTo(9.98, 1);
});

it("sees a real block", () => {
  const loop = new EventLoop(guardedClock(undefined));
  onTestFinished(() => loop.stop());
  block(100);
  expect(loop.delays.max).toBeGreaterThanOrEqual(0.079);
});

it("counts the time that the loop works", () => {
  const before = eventLoopTimes() ?? expect.fail("Node measures it");
  block(20);
  const after = eventLoopTimes() ?? expect.fail("Node measures it");
  expect(after.active - before.active).toBeGreaterThan(0.019);
  expect(after.idle).toBeGreaterThanOrEqual(before.idle);
});

// Bun and Deno say so at any time.
it("leaves out the time of a loop that is not measured, and gives the rest", () => {
  const measured = vi.spyOn(performance, "eventLoopUtilization").mockReturnValue({ active: 0, idle: 0, utilization: 0 });
  onTestFinished(() => measured.mockRestore());
  const metrics = createMetrics();
  onTestFinished(() => metrics.stop());
  const families = parseExposition(metrics.text());
  expect(families.has("upwire_process_event_loop_time_seconds_total")).toBe(false);
  expect([families.has("upwire_process_ready"), families.has("upwire_process_event_loop_delay_max_seconds")]).toEqual([true, true]);
});

/** Works, and lets nothing else run. */
function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}
