/** A timer that has not run yet. */
export interface Timer {
  cancel(): void;
}

/** Where time comes from. Tests give one of their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds. */
  after(ms: number, run: () => void): Timer;
}

/**
 * Real time. Wall time, since that goes on while a machine sleeps, and a time to come back can be shown to people. When the wall
 * clock is set back it goes on all the same, and is ahead of that from then on: a deadline must not move away.
 */
export function systemClock(): Clock {
  let startedAt = 0;
  return {
    now: () => (startedAt = Math.max(startedAt, Date.now() - performance.now())) + performance.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
