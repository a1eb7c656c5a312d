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
 * After which close codes another try would not help; IANA has 3000 for unauthorized and 3003 for forbidden. As patterns, since
 * pages carry them. A code that has no meaning here says nothing against another try; 4400 to 4499 do, since like HTTP's 400 to
 * 499 they tell of a fault of the client.
 */
const never = /^(100[0237-9]|1010|300[03]|44(?!08|29)\d\d)$/;
const later = /^(1013|1015|4429)$/;

/**
 * What a client should do after a connection that ended with `code`. Takes anything: for what is no close code it is
 * `true`, since the connection is gone all the same.
 */
export function retryOf(code: number): Retry {
  if (typeof code !== "number") return true;
  return later.test(`${code}`) ? "later" : !never.test(`${code}`);
}

/** What a client should do after each close code from 1000 to 4999, in order and without a gap. */
export const retryRules: readonly RetryRule[] = /* @__PURE__ */ readRules();

function readRules(): RetryRule[] {
  const rules: RetryRule[] = [];
  let from = 1000;
  for (let to = from; to < 5000; to++) {
    const retry = retryOf(from);
    if (to < 4999 && retryOf(to + 1) === retry) continue;
    rules.push({ from, to, retry });
    from = to + 1;
  }
  return rules;
}
