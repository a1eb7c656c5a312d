import { isPromise } from "node:util/types";

/** Gets what a function of the application threw, or what its promise was rejected with. Must not throw. */
export type OnFailure = (error: unknown) => void;

const ignore = (): void => {};

/** Waits by the language's own means: what an application has put over `then` of a promise is not asked. */
async function awaited(promise: Promise<unknown>): Promise<unknown> {
  return await promise;
}

/**
 * The promise that `value` is, or one for a thenable of another kind; `undefined` for everything else. Reads `then` once.
 * @throws what reading `then` throws.
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return undefined;
  if (isPromise(value)) {
    const isPlain = Object.getPrototypeOf(value) === Promise.prototype && !Object.hasOwn(value, "then");
    return isPlain ? value : awaited(value);
  }
  const { then } = value as { readonly then?: unknown };
  if (typeof then !== "function") return undefined;
  // A thenable of another kind may throw, answer twice, or answer with another one: only a promise of ours sorts that out.
  return new Promise((resolve, reject) => {
    const returned: unknown = then.call(value, resolve, reject);
    // Its `then` may be async, and fail as such.
    if (isPromise(returned)) awaited(returned).catch(reject);
  });
}

/**
 * Waits for what a function of the application returned, if that can be waited for. Never throws.
 * @param failed Gets its rejection, or what its `then` throws. @param settled Called when it was fulfilled; must not throw.
 * @returns whether it is a promise or another thenable.
 */
export function watch(returned: unknown, failed: OnFailure, settled: () => void = ignore): boolean {
  try {
    const promise = promiseOf(returned);
    if (promise === undefined) return false;
    promise.then(settled, failed);
  } catch (error) {
    failed(error);
  }
  return true;
}

/** Calls a function of the application. Never throws: `failed` gets what it throws, now or later by its promise. */
export function guard(run: () => unknown, failed: OnFailure): void {
  try {
    watch(run(), failed);
  } catch (error) {
    failed(error);
  }
}

/**
 * What a function that has to answer at once returned.
 * @throws TypeError for a promise, whose rejection then goes nowhere.
 */
export function atOnce<Value>(name: string, returned: Value): Value {
  if (watch(returned, ignore)) throw new TypeError(`${name}: a promise is no answer here; give the value at once, and ask for it before, such as in authorize`);
  return returned;
}
