import { MAX_RETRY_AFTER_MS, retryAfterReason, retryOf } from "@upwire/protocol";
import { checkClose } from "../base/close-code.ts";
import type { ClosingPlan } from "./close-in-waves.ts";
import { Connection } from "../connection/connection.ts";
import { defaults } from "../base/defaults.ts";
import { checkCount } from "../base/limits.ts";
import { readOptions, kinds, type OptionKinds } from "../base/option-check.ts";

export interface ShutdownOptions {
  /** The time over which clients are closed, in waves and oldest first; 0 closes all at once. Milliseconds. @default 5000 */
  readonly spreadMs?: number;
  /**
   * When another process, or this one anew, can take the clients, counted from the close frame. Each client is told a
   * random time from this to twice this, at most one hour, so that they do not come back together. Milliseconds. @default 1000
   */
  readonly retryAfterMs?: number;
  /** Time for the clients to answer after the last wave; then their sockets are destroyed. Milliseconds. @default 5000 */
  readonly graceMs?: number;
  /** Close code, one that lets clients come back. The reason is `retry-after=1500`, in milliseconds. @default 1012 */
  readonly code?: number;
}

const { anything } = kinds;
const shutdownKinds: OptionKinds<ShutdownOptions> = { spreadMs: anything, retryAfterMs: anything, graceMs: anything, code: anything };

export interface ShutdownPlan extends ClosingPlan {
  /** What refusals tell in `Retry-After`. */
  readonly retryAfterSeconds: number;
}

/** @throws RangeError for a time that no timer can wait, or a code that may not be sent. @throws TypeError for an option that does not exist. */
export function shutdownPlan(options: ShutdownOptions | undefined): ShutdownPlan {
  const given = { ...defaults.shutdown, ...readOptions<ShutdownOptions>("shutdown", options, shutdownKinds) };
  const { code } = given;
  checkClose(code, "");
  if (retryOf(code) === false) throw new RangeError(`shutdown: code: ${code} tells clients to stay away; give one such as ${defaults.shutdown.code}`);
  const spreadMs = checkCount("spreadMs", given.spreadMs, 0);
  const graceMs = checkCount("graceMs", given.graceMs, 0);
  const retryAfterMs = checkCount("retryAfterMs", given.retryAfterMs, 0);
  return {
    spreadMs,
    graceMs,
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)),
    farewell(connection) {
      const ms = Math.min(MAX_RETRY_AFTER_MS, Math.round(retryAfterMs * (1 + Math.random())));
      Connection.leave(connection, { code, reason: retryAfterReason(ms), retryAfterMs: ms });
    },
  };
}
