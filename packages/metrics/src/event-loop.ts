import { createHistogram, performance, type RecordableHistogram } from "node:perf_hooks";
import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";

/** How often the delay is measured: below it nothing is seen. Milliseconds. */
const INTERVAL_MS = 20;
/** The shortest time that the figures of the delay are about. Milliseconds. */
const WINDOW_MS = 10_000;

/**
 * How long the event loop of this thread has worked and waited since its start. Seconds. Node measures that in any case; `undefined` before the
 * loop has begun, and on Bun 1.4 and Deno 2.9, whose figures are always 0.
 */
export function eventLoopTimes(): { readonly active: number; readonly idle: number } | undefined {
  const { active, idle } = performance.eventLoopUtilization();
  if (active === 0 && idle === 0) return undefined;
  return { active: active / 1000, idle: idle / 1000 };
}

/** Seconds. */
export interface Delays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Measures how late the event loop of this thread is. `monitorEventLoopDelay` of Node would take half as much time for it; but a
 * reader that resets it loses the delay that is just going on, which is the one that made the reader late.
 */
export class EventLoop {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #histogram: RecordableHistogram = createHistogram();
  #tickedAt: number;
  #beganAt: number;
  #last: Delays | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganAt = clock.now();
    this.#tickedAt = this.#beganAt;
    this.#timer = clock.every(INTERVAL_MS, () => this.#tick(clock.now()));
  }

  /**
   * How much later than asked for a timer ran. Of the time since the last look that was at least 10 s ago, so that several readers,
   * each with an interval of its own, do not take the figures from each other.
   */
  get delays(): Delays {
    const now = this.#clock.now();
    if (this.#last !== undefined && now - this.#beganAt < WINDOW_MS) return this.#last;
    // A timer that is late and has not run yet: its delay belongs to this time.
    if (now - this.#tickedAt > INTERVAL_MS) this.#tick(now);
    const histogram = this.#histogram;
    this.#last = { p50: seconds(histogram.percentile(50)), p99: seconds(histogram.percentile(99)), max: seconds(histogram.max) };
    this.#beganAt = now;
    histogram.reset();
    return this.#last;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #tick(now: number): void {
    const lateMs = Math.max(0, now - this.#tickedAt - INTERVAL_MS);
    this.#tickedAt = now;
    // It takes whole numbers from 1 on: nanoseconds.
    this.#histogram.record(Math.max(1, Math.round(lateMs * 1e6)));
  }
}

function seconds(nanoseconds: number): number {
  return nanoseconds / 1e9;
}
