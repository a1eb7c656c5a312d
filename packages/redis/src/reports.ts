import type { Clock } from "@upwire/core";
import { guard } from "@upwire/core/adapter";

/** The same line again is told at most so often. Milliseconds. */
const SAME_MS = 10_000;
/** Lines that are remembered. */
const MOST = 100;

/** Tells an application what went wrong where no call could be rejected for it, the same not over and over. */
export class Reports {
  readonly #clock: Clock;
  readonly #onError: (error: Error) => void;
  readonly #told = new Map<string, number>();

  constructor(clock: Clock, onError: (error: Error) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  report(error: Error): void {
    const now = this.#clock.now();
    const last = this.#told.get(error.message);
    if (last !== undefined && now - last < SAME_MS) return;
    if (this.#told.size >= MOST) this.#told.clear();
    this.#told.set(error.message, now);
    // What an application's own handler throws, or rejects with, has nowhere else to go.
    guard(
      () => this.#onError(error),
      () => {},
    );
  }
}
