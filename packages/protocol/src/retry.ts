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
 * What a client should do after each close code from 1000 to 4999, in order and without a gap. A code that has no meaning
 * here says nothing against another try; 4400 to 4499 do, since like HTTP's 400 to 499 they tell of a fault of the client.
 */
export const retryRules: readonly RetryRule[] = [
  { from: 1000, to: 1000, retry: false },
  { from: 1001, to: 1001, retry: true },
  { from: 1002, to: 1003, retry: false },
  { from: 1004, to: 1006, retry: true },
  { from: 1007, to: 1010, retry: false },
  { from: 1011, to: 1012, retry: true },
  { from: 1013, to: 1013, retry: "later" },
  { from: 1014, to: 1014, retry: true },
  { from: 1015, to: 1015, retry: "later" },
  { from: 1016, to: 2999, retry: true },
  // IANA: unauthorized.
  { from: 3000, to: 3000, retry: false },
  { from: 3001, to: 3002, retry: true },
  // IANA: forbidden.
  { from: 3003, to: 3003, retry: false },
  { from: 3004, to: 4399, retry: true },
  { from: 4400, to: 4407, retry: false },
  { from: 4408, to: 4408, retry: true },
  { from: 4409, to: 4428, retry: false },
  { from: 4429, to: 4429, retry: "later" },
  { from: 4430, to: 4499, retry: false },
  { from: 4500, to: 4999, retry: true },
];

/**
 * What a client should do after a connection that ended with `code`. Takes anything: for what is no close code it is
 * `true`, since the connection is gone all the same.
 */
export function retryOf(code: number): Retry {
  if (typeof code !== "number") return true;
  return retryRules.find(({ from, to }) => from <= code && code <= to)?.retry ?? true;
}
