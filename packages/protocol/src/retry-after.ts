/** The longest time that a server tells and a client waits: one hour. Milliseconds. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

/** A close reason that tells when to come back; its group is the time in milliseconds. */
export const retryAfterPattern: RegExp = /^retry-after=(\d{1,15})$/;

/**
 * The reason of a close frame that tells a client when to come back, such as `retry-after=1500`.
 * @param ms Counted from the close frame. Milliseconds; a fraction is rounded up.
 * @throws RangeError for what is no time from 0 to one hour (`MAX_RETRY_AFTER_MS`).
 */
export function retryAfterReason(ms: number): string {
  if (typeof ms !== "number" || !(ms >= 0 && ms <= MAX_RETRY_AFTER_MS)) {
    throw new RangeError(`retryAfterReason: ${String(ms)} is not allowed; give milliseconds from 0 to ${MAX_RETRY_AFTER_MS}`);
  }
  return `retry-after=${Math.ceil(ms)}`;
}

/**
 * When the peer said to come back. Takes any reason, of a hostile peer too: a longer time than one hour
 * (`MAX_RETRY_AFTER_MS`) is one hour.
 * @returns milliseconds from the close frame on, or `undefined` for a reason that tells no time.
 */
export function parseRetryAfter(reason: string): number | undefined {
  const told = typeof reason === "string" && retryAfterPattern.exec(reason);
  return told ? Math.min(Number(told[1]), MAX_RETRY_AFTER_MS) : undefined;
}
