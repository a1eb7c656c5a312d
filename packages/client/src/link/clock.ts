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

/** Real time. Wall time on purpose: it goes on while a machine sleeps, and a time to come back can be shown to people. */
export const systemClock: Clock = {
  now: Date.now,
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
