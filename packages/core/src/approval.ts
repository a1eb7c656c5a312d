import { validateHeaderName, validateHeaderValue } from "node:http";
import { negotiateDeflate, type DeflateParameters } from "./compression.ts";
import type { RefusalCode } from "./errors.ts";
import { acceptKey, handshakeFault, isWebSocketUpgrade } from "./handshake.ts";
import type { ResolvedOptions } from "./options.ts";
import { refusal, Refusal } from "./refuse.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";
import type { AcceptHeaders } from "./upgrade-ticket.ts";

/** A "yes" to an upgrade request. */
export interface Approval<Context, Native = unknown> {
  readonly ok: true;
  readonly status: 101;
  /** Every header of the 101, names in lower case. */
  readonly headers: AcceptHeaders;
  /** What `authorize` returned. */
  readonly context: Context;
  readonly subprotocol: string | undefined;
  readonly deflate: DeflateParameters | undefined;
  readonly request: UpgradeRequest<Native>;
}

/** A "no", with what the client should get. */
export interface Denial {
  readonly ok: false;
  readonly status: number;
  readonly code: RefusalCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** @throws TypeError for what may not stand in a header: a line break would forge another one. */
function setHeader(headers: Record<string, string | readonly string[]>, name: string, value: string | readonly string[]): void {
  validateHeaderName(name);
  for (const one of [value].flat()) validateHeaderValue(name, one);
  headers[name.toLowerCase()] = value;
}

/** The order of the checks: handshake, origin, admission, authorize. The first refusal wins. Rejects when code of the user fails. */
export async function examine<Context, Native>(
  request: UpgradeRequest<Native>,
  options: ResolvedOptions<Context, Native>,
  admit: () => RefusalCode | undefined,
): Promise<Approval<Context, Native> | Refusal> {
  // Before the HTTP version: a proxy that is not told about WebSocket may also speak HTTP/1.0 to us, as nginx does.
  if (request.headers["sec-websocket-key"] !== undefined && !isWebSocketUpgrade(request.raw)) return refusal("ERR_UPGRADE_STRIPPED");
  const fault = handshakeFault(request.raw);
  if (fault !== undefined) return refusal(fault);
  // A check in plain JavaScript may return anything, and only `true` is a yes.
  const isAllowed: unknown = await options.checkOrigin(request.origin, request);
  if (isAllowed !== true) return refusal("ERR_ORIGIN");
  const excess = admit();
  if (excess !== undefined) return refusal(excess);
  const context = await options.authorize?.(request);
  if (context instanceof Refusal) return context;
  if (context === (false as unknown)) return refusal("ERR_FORBIDDEN");
  const subprotocol = options.pickSubprotocol(request.subprotocols, request);
  const deflate = options.compression && negotiateDeflate(request.headers["sec-websocket-extensions"]);
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(options.headers(request))) setHeader(headers, name, value);
  return {
    ok: true,
    status: 101,
    headers: {
      ...headers,
      upgrade: "websocket",
      connection: "Upgrade",
      // The handshake was checked: the key is there.
      "sec-websocket-accept": acceptKey(request.headers["sec-websocket-key"] ?? ""),
      ...(subprotocol !== undefined && { "sec-websocket-protocol": subprotocol }),
      ...(deflate !== undefined && { "sec-websocket-extensions": deflate.header }),
    },
    context: context as Context,
    subprotocol,
    deflate,
    request,
  };
}
