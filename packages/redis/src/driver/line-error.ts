import { RedisReplyError, RedisUnavailableError } from "./driver.ts";

/** The first word of an error of Redis is its code, in capitals; no error of a library or of a socket looks like that. */
const REPLY = /^[A-Z][A-Z0-9_]*( |$)/;

/** These say that the server has not done it, and that it may later, or another server may. */
const NOT_NOW: ReadonlySet<string> = new Set(["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"]);

/** What a library rejects with, as one of our two errors. */
export function lineError(thrown: unknown): RedisReplyError | RedisUnavailableError {
  if (thrown instanceof RedisReplyError || thrown instanceof RedisUnavailableError) return thrown;
  const { message } = thrown as Error;
  if (REPLY.test(message) && !("code" in (thrown as object))) {
    const error = new RedisReplyError(message);
    return NOT_NOW.has(error.code) ? new RedisUnavailableError(message, { maybeDone: false }) : error;
  }
  return new RedisUnavailableError(`no answer of Redis: ${message}`, { maybeDone: true });
}
