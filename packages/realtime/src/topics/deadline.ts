import type { Clock } from "@upwire/core";
import { RealtimeError } from "@upwire/protocol";
import { isTellable } from "../told.ts";

export type Outcome<Value> = { readonly value: Value } | { readonly error: unknown };

export interface DeadlinedCall<Value> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** May throw, and may give what is no promise. */
  readonly call: () => Promise<Value> | Value;
  /** The error for no answer in time. @default `unavailable` */
  readonly late?: () => RealtimeError;
}

/**
 * Calls `done` once, in a later microtask: with the answer, with the error, or with `late` when neither has come within `timeoutMs`.
 * What comes after that is ignored.
 * @returns a function that calls it off: then `done` is not called.
 */
export function withDeadline<Value>({ clock, timeoutMs, call, late = noAnswer }: DeadlinedCall<Value>, done: (outcome: Outcome<Value>) => void): () => void {
  let isOver = false;
  const cancel = (): void => {
    isOver = true;
    timer.cancel();
  };
  const finish = (outcome: Outcome<Value>): void => {
    if (isOver) return;
    cancel();
    done(outcome);
  };
  const timer = clock.after(timeoutMs, () => finish({ error: late() }));
  promiseOf(call).then(
    (value) => finish({ value }),
    (error: unknown) => finish({ error }),
  );
  return cancel;
}

function noAnswer(): RealtimeError {
  return new RealtimeError("unavailable", "the broker has not answered in time");
}

async function promiseOf<Value>(call: () => Promise<Value> | Value): Promise<Value> {
  return await call();
}

/** Any error, as a client may be told it: of others than ours only that there was one. */
export function unavailable(error: unknown): RealtimeError {
  return isTellable(error) ? error : new RealtimeError("unavailable", "the broker failed", { cause: error });
}
