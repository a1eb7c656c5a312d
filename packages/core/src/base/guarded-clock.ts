import { systemClock, type Clock, type Timer } from "./clock.ts";
import { atOnce, guard } from "./guard.ts";
import { channels } from "./channels.ts";

const report = (error: unknown): void => channels.error.publish({ error });

/**
 * A clock of the application, made safe: what it throws is reported on the channel `upwire:error`, time then stands still,
 * and a real timer takes the place of one that it could not make. Without a clock, real time.
 */
export function guardedClock(clock: Clock | undefined): Clock {
  if (clock === undefined) return systemClock;
  let last = 0;
  const now = (): number => {
    guard(() => {
      const time: unknown = atOnce("clock", clock.now());
      if (typeof time !== "number" || Number.isNaN(time)) throw new TypeError("clock: now() gave no number; give milliseconds");
      last = time;
    }, report);
    return last;
  };
  const timer = (make: () => Timer, makeReal: () => Timer): Timer => {
    let made: Timer | undefined;
    guard(() => {
      const given: unknown = atOnce("clock", make());
      if (typeof (given as Partial<Timer> | null)?.cancel !== "function") throw new TypeError("clock: after() and every() give a timer; give { cancel() {} }");
      made = given as Timer;
    }, report);
    const running = made ?? makeReal();
    return { cancel: () => guard(() => running.cancel(), report) };
  };
  return {
    now,
    after: (ms, run) =>
      timer(
        () => clock.after(ms, run),
        () => systemClock.after(ms, run),
      ),
    every: (ms, run) =>
      timer(
        () => clock.every(ms, run),
        () => systemClock.every(ms, run),
      ),
  };
}
