import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";

/** What is on its way: it arrives after its time, or all of it at once. */
export class Delays {
  readonly #clock: Clock;
  readonly #waiting = new Map<() => void, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(ms: number, arrive: () => void): void {
    if (ms === 0) return arrive();
    const once = (): void => {
      this.#waiting.delete(once);
      arrive();
    };
    this.#waiting.set(once, this.#clock.after(ms, once));
  }

  wait(ms: number): Promise<void> | undefined {
    return ms === 0 ? undefined : new Promise((resolve) => this.add(ms, resolve));
  }

  /** Everything arrives now. */
  end(): void {
    for (const [arrive, timer] of this.#waiting) {
      timer.cancel();
      arrive();
    }
  }
}
