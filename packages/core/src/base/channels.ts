import { channel, type Channel } from "node:diagnostics_channel";

/**
 * What happens inside, for logs and metrics; subscribe with `node:diagnostics_channel`. Payloads are never published.
 * - `upwire:refused`: `{ code, status, request }`
 * - `upwire:dropped`: `{ code, remoteAddress }` of a connection that was ended before its first request was complete, or of a
 *   request that Node itself refused: 431 for headers over `maxHeaderSize`, 408, 400
 * - `upwire:error`: `{ error, connection, request }`; `request` in place of `connection` when the fault came before the upgrade
 * - `upwire:open`, `upwire:close`: `{ connection }`, `{ connection, info }`
 * - `upwire:closure`: `{ connection, error }`; upwire itself, or `connection.fail`, ends this connection, and `error` is the `ConnectionError`
 */
export const channels: Readonly<Record<"refused" | "dropped" | "error" | "open" | "close" | "closure", Channel>> = {
  refused: channel("upwire:refused"),
  dropped: channel("upwire:dropped"),
  error: channel("upwire:error"),
  open: channel("upwire:open"),
  close: channel("upwire:close"),
  closure: channel("upwire:closure"),
};
