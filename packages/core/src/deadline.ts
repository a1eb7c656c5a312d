import type { Clock, Timer } from "./clock.ts";

/** One moment after its own making at which something is given up; it can be moved and called off. */
export class Deadline {
  readonly #clock: Clock;
  readonly #run: () => void;
  readonly #startedAt: number;
  #timer: Timer | undefined;
  #isOff = false;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
    this.#startedAt = clock.now();
  }

  /** Puts it `ms` milliseconds behind the start. */
  expireAfter(ms: number): void {
    if (this.#isOff) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(Math.max(0, this.#startedAt + ms - this.#clock.now()), this.#run);
  }

  /** For good. */
  cancel(): void {
    this.#isOff = true;
    this.#timer?.cancel();
  }
}
