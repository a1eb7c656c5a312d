import { inNoContext } from "./no-context.ts";

/** A timer that can be called off. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time in core, so that tests can own it. What is passed to `after` and `every` judges the clients, so a
 * clock of real time should call it from `setImmediate`: by then the event loop has read what came while it was busy.
 */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds. */
  after(ms: number, run: () => void): Timer;
  /** Calls `run` every `ms` milliseconds. */
  every(ms: number, run: () => void): Timer;
}

/** Real time. Its timers never keep the process alive: open sockets do. They run behind a look at the sockets, in no async context. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => inNoContext(startTimer, setTimeout, clearTimeout, ms, run),
  every: (ms, run) => inNoContext(startTimer, setInterval, clearInterval, ms, run),
};

function startTimer(start: (run: () => void, ms: number) => NodeJS.Timeout, clear: (timer: NodeJS.Timeout) => void, ms: number, run: () => void): Timer {
  let immediate: NodeJS.Immediate | undefined;
  const timer = start(() => (immediate = setImmediate(run)), ms).unref();
  return {
    cancel() {
      clear(timer);
      clearImmediate(immediate);
    },
  };
}
