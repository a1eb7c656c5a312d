import { afterEach, expect, it, vi } from "vitest";
import { systemClock } from "../../src/link/clock.ts";

afterEach(() => void vi.restoreAllMocks());

/** Two clocks of a machine: one that people set, and one that only goes on. */
function machine(): { readonly pass: (ms: number) => void; readonly set: (ms: number) => void; readonly sleep: (ms: number) => void } {
  let [wall, steady] = [1_800_000_000_000, 5000];
  vi.spyOn(Date, "now").mockImplementation(() => wall);
  vi.spyOn(performance, "now").mockImplementation(() => steady);
  return {
    pass(ms) {
      wall += ms;
      steady += ms;
    },
    set: (ms) => void (wall += ms),
    // What some browsers do: time since the page began stands still.
    sleep: (ms) => void (wall += ms),
  };
}

it("shows wall time, and goes on while a machine sleeps", () => {
  const { pass, sleep } = machine();
  const clock = systemClock();
  expect(clock.now()).toBe(1_800_000_000_000);
  pass(1000);
  sleep(3_600_000);
  expect(clock.now()).toBe(1_800_003_601_000);
});

it("goes on when the wall clock is set back", () => {
  const { pass, set } = machine();
  const clock = systemClock();
  const before = clock.now();
  for (const ms of [-3_600_000, -1, 500]) {
    set(ms);
    pass(10_000);
  }
  expect(clock.now() - before).toBe(30_000);
});
