import { unavailable } from "@upwire/cluster/broker";
import type { RealtimeError } from "@upwire/protocol";
import { RedisReplyError, RedisUnavailableError } from "../driver/driver.ts";

/** The server has not done it and soon will: it loads its data, runs a long script, or is being replaced. */
const PASSING: ReadonlySet<string> = new Set([
  "LOADING",
  "BUSY",
  "READONLY",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "MOVED",
  "ASK",
  "NOSCRIPT",
  "NOREPLICAS",
]);

/** What an operator can do. */
const ADVICE: Readonly<Record<string, string>> = {
  WRONGTYPE: "a key of the broker holds something of another program; delete that key, or give the broker a `prefix` of its own",
  OOM: "raise `maxmemory`, or keep less history",
  NOPERM: "allow the user all keys and channels of the prefix",
  MISCONF: "Redis cannot write to its disk; see its log",
  READONLY: "this is a replica; connect to the master",
  BUSY: "a script of another program runs too long; SCRIPT KILL ends it",
  LOADING: "Redis reads its data after a start",
  NOAUTH: "give the client its password",
};

/** A call that failed has surely not been done, and may be made again. */
export function isPassing(error: unknown): boolean {
  if (error instanceof RedisReplyError) return PASSING.has(error.code);
  return error instanceof RedisUnavailableError && !error.maybeDone;
}

/** It is not known whether it has been done. */
export function isUnknown(error: unknown): boolean {
  return error instanceof RedisUnavailableError && error.maybeDone;
}

/** For an answer that is none of the script's: another call's, or of what is no Redis. */
export function odd(error: unknown): RedisUnavailableError {
  return new RedisUnavailableError(`Redis answered something else: ${error instanceof Error ? error.message : String(error)}`, { maybeDone: true });
}

/** What a call of the broker rejects with. */
export function failed(what: string, error: unknown): RealtimeError {
  if (error instanceof RedisReplyError) {
    const advice = ADVICE[error.code];
    return unavailable(`${what}: Redis answered "${error.message}"${advice === undefined ? "" : `; ${advice}`}`, error);
  }
  if (isUnknown(error)) return unavailable(`${what}: the connection to Redis was lost before the answer; it may have taken effect`, error);
  const reason = error instanceof Error ? error.message : String(error);
  return unavailable(`${what}: Redis is away (${reason})`, error);
}
