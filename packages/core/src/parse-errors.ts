import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { DropCode } from "./errors.ts";
import { channels } from "./telemetry.ts";

/** What Node answers by itself, before there is a request: 431, 413, 408; everything else of its parser is a 400. */
const codes: Readonly<Record<string, DropCode>> = {
  HPE_HEADER_OVERFLOW: "ERR_HEADER_TOO_BIG",
  ERR_HTTP_REQUEST_TIMEOUT: "ERR_REQUEST_TIMEOUT",
};

/** @returns `undefined` for a client that left: nothing was dropped. */
function codeOf(error: unknown): DropCode | undefined {
  const { code = "" } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code !== "string" || code === "HPE_INVALID_EOF_STATE") return undefined;
  return codes[code] ?? (code.startsWith("HPE_") ? "ERR_BAD_REQUEST" : undefined);
}

/**
 * Publishes what Node refuses before the application sees it. Node's own answers stay: a listener for `clientError` would
 * have to give them, so this looks on while the event is emitted.
 * @returns what stops it. An `emit` that wraps ours since then goes on calling through it.
 */
export function watchParseErrors(server: HttpServer | HttpsServer): () => void {
  const own = Object.getOwnPropertyDescriptor(server, "emit");
  const emit = server.emit;
  let isStopped = false;
  const watching = function emitWatched(this: typeof server, event: string, ...values: unknown[]): boolean {
    if (event === "clientError" && !isStopped) {
      const code = codeOf(values[0]);
      const { remoteAddress } = (values[1] ?? {}) as { readonly remoteAddress?: string };
      if (code !== undefined) channels.dropped.publish({ code, remoteAddress });
    }
    // Looked up at each call: tracers replace the one of the prototype.
    const before = own === undefined ? (Object.getPrototypeOf(server) as typeof server).emit : emit;
    return (before as (this: typeof server, event: string, ...args: unknown[]) => boolean).call(this, event, ...values);
  };
  server.emit = watching;
  return () => {
    isStopped = true;
    if (server.emit !== watching) return;
    if (own === undefined) Reflect.deleteProperty(server, "emit");
    else Object.defineProperty(server, "emit", own);
  };
}
