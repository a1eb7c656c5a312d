import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import { RedisStartError } from "./driver.ts";
import { DOES_NOT_ANSWER, startFailure } from "./start-failure.ts";

export interface StartGateOptions {
  /** The server, for people. */
  readonly where: string;
  /** What may get better is tried again for so long. Milliseconds. */
  readonly withinMs: number;
  /** Gets what it is that is tried again, once for each cause: waiting without a word would look like a hang. */
  readonly report: (error: Error) => void;
}

/** The promise of `start`: what may get better is tried again for a while, what cannot rejects at once. */
export class StartGate {
  readonly opened: Promise<void>;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};
  readonly #timer: Timer;
  readonly #where: string;
  readonly #report: (error: Error) => void;
  #last = DOES_NOT_ANSWER;
  #isSettled = false;

  constructor(clock: Clock, { where, withinMs, report }: StartGateOptions) {
    this.#where = where;
    this.#report = report;
    this.opened = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = clock.after(withinMs, () => this.#fail(`${this.#last}; tried for ${withinMs} ms`));
  }

  /** Whether `start` is over, one way or the other. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  failed(error: Error): void {
    const { message, isFinal } = startFailure(error);
    if (isFinal) return this.#fail(message);
    if (message !== this.#last) this.#report(new Error(`Redis at ${this.#where}: ${message}; trying again`));
    this.#last = message;
  }

  open(): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#resolve();
  }

  close(): void {
    this.#fail("the broker was closed while it started");
  }

  #fail(message: string): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#reject(new RedisStartError(`Redis at ${this.#where}: ${message}`));
  }

  #settle(): void {
    this.#isSettled = true;
    this.#timer.cancel();
  }
}
