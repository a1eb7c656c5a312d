import type { Clock } from "@upwire/core";
import { promiseOf } from "@upwire/core/adapter";
import { RealtimeError } from "@upwire/protocol";

/** What became of a function of the application. Neither may throw. */
export interface Outcome {
  readonly done: (value: unknown) => void;
  readonly failed: (error: unknown) => void;
}

/** Runs functions of the application, each of which may throw, reject, never settle, or give a thenable of any kind. */
export class AppCalls {
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Calls `run`, and then one of `outcome` once: in the same turn, unless `run` is async. After `timeoutMs` that is `failed` with a `timeout`. */
  run(run: () => unknown, { done, failed }: Outcome): void {
    let returned: unknown;
    let later: Promise<unknown> | undefined;
    try {
      returned = run();
      later = promiseOf(returned);
    } catch (error) {
      return failed(error);
    }
    if (later === undefined) return done(returned);
    let isOver = false;
    const timer = this.#clock.after(this.#timeoutMs, () => {
      isOver = true;
      failed(new RealtimeError("timeout", `it took longer than ${this.#timeoutMs} ms`));
    });
    const settled = (tell: () => void): void => {
      if (isOver) return;
      timer.cancel();
      tell();
    };
    later.then(
      (value) => settled(() => done(value)),
      (error: unknown) => settled(() => failed(error)),
    );
  }
}
