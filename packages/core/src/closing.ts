import type { Clock } from "./clock.ts";
import { CloseCode } from "./close-code.ts";
import type { Connection } from "./connection.ts";

export interface CloseAllOptions {
  /** Close code. @default 1001 */
  readonly code?: number;
  /** At most 123 bytes. @default "going away" */
  readonly reason?: string;
  /** Time for the clients to answer; then their sockets are destroyed. Milliseconds. @default 5000 */
  readonly graceMs?: number;
}

/** What a client is told when its server goes. */
export const farewell: Readonly<{ code: number; reason: string }> = { code: CloseCode.goingAway, reason: "going away" };

/** Closes every connection and settles when all are gone. Never rejects for what a client does. */
export async function closeAll(connections: Iterable<Connection>, clock: Clock, options: CloseAllOptions = {}): Promise<void> {
  const { code = farewell.code, reason = farewell.reason, graceMs = 5000 } = options;
  const all = [...connections];
  for (const connection of all) connection.close(code, reason);
  const grace = clock.after(graceMs, () => {
    for (const connection of all) connection.terminate();
  });
  await Promise.all(all.map((connection) => connection.closed));
  grace.cancel();
}
