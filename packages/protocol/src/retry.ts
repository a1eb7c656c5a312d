/**
 * What a client should do: reconnect with back-off and jitter (`true`), not reconnect since the answer would be the same
 * (`false`), or reconnect `"later"`: not before the time that the server told, and without one not within `MIN_LATER_MS`.
 */
export type Retry = boolean | "later";

/** What to do after every close code `from` to `to`, both included. */
export interface RetryRule {
  readonly from: number;
  readonly to: number;
  readonly retry: Retry;
}

/** The least time before a client comes back `"later"` when the server told none. Milliseconds. */
export const MIN_LATER_MS = 5000;

/**
 * From which close code on what is to be done, up to the next one. Short, since pages carry it. A code that has no meaning
 * here says nothing against another try; 4400 to 4499 do, since like HTTP's 400 to 499 they tell of a fault of the client.
 */
const changes: readonly (readonly [from: number, retry: Retry])[] = [
  [1000, false],
  [1001, true],
  [1002, false],
  [1004, true],
  [1007, false],
  [1011, true],
  [1013, "later"],
  [1014, true],
  [1015, "later"],
  [1016, true],
  // IANA: unauthorized.
  [3000, false],
  [3001, true],
  // IANA: forbidden.
  [3003, false],
  [3004, true],
  [4400, false],
  [4408, true],
  [4409, false],
  [4429, "later"],
  [4430, false],
  [4500, true],
];

/** What a client should do after each close code from 1000 to 4999, in order and without a gap. */
export const retryRules: readonly RetryRule[] = /* @__PURE__ */ changes.map(([from, retry], index) => ({
  from,
  to: (changes[index + 1]?.[0] ?? 5000) - 1,
  retry,
}));

/**
 * What a client should do after a connection that ended with `code`. Takes anything: for what is no close code it is
 * `true`, since the connection is gone all the same.
 */
export function retryOf(code: number): Retry {
  return Number.isInteger(code) ? (changes.findLast(([from]) => from <= code)?.[1] ?? true) : true;
}
