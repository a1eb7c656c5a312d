import { RedisReplyError, RedisUnavailableError } from "./driver.ts";

/** The first word of an error of Redis is its code, in capitals; no error of a library or of a socket looks like that. */
const REPLY = /^[A-Z][A-Z0-9_]*( |$)/;

/** These say that the server has not done it, and that it may later, or another server may. */
const NOT_NOW: ReadonlySet<string> = new Set(["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"]);

/** A client of an application, or what it wraps around one, may throw anything. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`the client threw ${String(thrown)}`);
}

/** What a library rejects with, as one of our two errors. */
export function lineError(thrown: unknown): RedisReplyError | RedisUnavailableError {
  if (thrown instanceof RedisReplyError || thrown instanceof RedisUnavailableError) return thrown;
  const failure = asError(thrown);
  const { message } = failure;
  if (REPLY.test(message) && !("code" in failure)) {
    const error = new RedisReplyError(message);
    return NOT_NOW.has(error.code) ? new RedisUnavailableError(message, { maybeDone: false }) : error;
  }
  return new RedisUnavailableError(`no answer of Redis: ${message}`, { maybeDone: true });
}
