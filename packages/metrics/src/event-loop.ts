import { monitorEventLoopDelay, performance } from "node:perf_hooks";

/**
 * How often the delay is measured. Milliseconds. A measurement is a timer of Node's own, without any JavaScript: at 20 ms all of them
 * take about 0.2 % of a core.
 */
const RESOLUTION_MS = 20;
/** The shortest time that the figures of the delay are about. Milliseconds. */
const WINDOW_MS = 10_000;

export interface Delays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How long the event loop of this thread has worked and waited since its start. Seconds. Node measures that in any case. */
export function eventLoopTimes(): { readonly active: number; readonly idle: number } {
  const { active, idle } = performance.eventLoopUtilization();
  return { active: active / 1000, idle: idle / 1000 };
}

/** Measures how late the event loop of this thread is. */
export class EventLoop {
  readonly #histogram: ReturnType<typeof monitorEventLoopDelay>;
  readonly #now: () => number;
  #beganAt: number;
  #last: Delays | undefined;

  /** @param now A clock that never goes back. Milliseconds. @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#beganAt = now();
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
  }

  /**
   * How much later than asked for a timer ran. Seconds. Of the time since the last look that was at least 10 s ago, so that
   * several readers, each with an interval of its own, do not take the figures from each other.
   */
  get delays(): Delays {
    const now = this.#now();
    if (this.#last !== undefined && now - this.#beganAt < WINDOW_MS) return this.#last;
    const histogram = this.#histogram;
    this.#last = { p50: seconds(histogram.percentile(50)), p99: seconds(histogram.percentile(99)), max: seconds(histogram.max) };
    this.#beganAt = now;
    histogram.reset();
    return this.#last;
  }

  stop(): void {
    this.#histogram.disable();
  }
}

/** Node measures from timer to timer, in nanoseconds: an idle loop has the resolution there. */
function seconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000);
}
