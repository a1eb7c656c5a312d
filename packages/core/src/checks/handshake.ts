import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { RefusalCode } from "../base/errors.ts";
import { isGetTarget, sentTarget } from "./sent-target.ts";
import { isToken, listHolds, listMembers } from "./header-list.ts";

/** 16 bytes in base64; the last letter before the padding has only 2 significant bits. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
/** RFC 9110 §7.2, RFC 3986 §3.2.2: a registered name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. */
const HOST = /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})+|\[[\w.:~%-]+\])(?::\d*)?$/i;

/** The offer of a client without the header. */
export const NO_OFFER: readonly string[] = Object.freeze([]);
/** Stands for an offer that RFC 6455 does not allow. */
const BAD_OFFER: readonly string[] = Object.freeze([]);

/** Do these headers ask for the WebSocket protocol? Both are token lists (RFC 6455 §4.2.1). */
export function isWebSocketUpgrade({ upgrade, connection }: IncomingHttpHeaders): boolean {
  // Compares with the spelling of nearly all clients first.
  return (upgrade === "websocket" || listHolds(upgrade, "websocket")) && (connection === "Upgrade" || listHolds(connection, "upgrade"));
}

/** RFC 6455 §4.1: the names of `Sec-WebSocket-Protocol` are tokens, each at most once. `undefined` when they are not. */
export function offeredSubprotocols({ "sec-websocket-protocol": header }: IncomingHttpHeaders): readonly string[] | undefined {
  const names = header === undefined ? NO_OFFER : parseOffer(header);
  return names === BAD_OFFER ? undefined : names;
}

/** The names in a `Sec-WebSocket-Protocol` header, or `BAD_OFFER`. */
export function parseOffer(header: string): readonly string[] {
  const names = listMembers(header);
  const isValid = names.length > 0 && names.every(isToken) && new Set(names).size === names.length;
  return isValid ? names : BAD_OFFER;
}

/**
 * What is wrong with this opening handshake by RFC 6455 §4.2.1, or `undefined` when it is valid.
 * @param subprotocols What the client offers, or `BAD_OFFER`.
 */
export function handshakeFault(req: IncomingMessage, subprotocols: readonly string[]): RefusalCode | undefined {
  const { headers } = req;
  const isUpgrade = isWebSocketUpgrade(headers);
  // This comes before the HTTP version: a proxy that is not set up for WebSocket may also speak HTTP/1.0 to us, as nginx does.
  if (!isUpgrade && headers["sec-websocket-key"] !== undefined) return "ERR_UPGRADE_STRIPPED";
  return startFault(req) ?? (isUpgrade ? fieldFault(req, sentTarget(req), subprotocols) : "ERR_NOT_UPGRADE");
}

/** The same for a request of which the dispatcher knows that it asks for the WebSocket protocol, and that its target is one of a GET. */
export function dispatchedFault(req: IncomingMessage, subprotocols: readonly string[]): RefusalCode | undefined {
  return startFault(req) ?? fieldFault(req, undefined, subprotocols);
}

function startFault({ method, httpVersionMajor, httpVersionMinor }: IncomingMessage): RefusalCode | undefined {
  if (method !== "GET") return "ERR_METHOD";
  return httpVersionMajor === 1 && httpVersionMinor === 1 ? undefined : "ERR_HTTP_VERSION";
}

/** @param target `undefined` when it was checked before. */
function fieldFault({ headers, rawHeaders }: IncomingMessage, target: string | undefined, subprotocols: readonly string[]): RefusalCode | undefined {
  let host: string | undefined;
  let hosts = 0;
  let hasBody = headers["transfer-encoding"] !== undefined;
  // As they stood on the wire: Node's own `headers` drop doubled ones.
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") {
      host = rawHeaders[i + 1];
      hosts++;
    } else if (name.length === 14 && name.toLowerCase() === "content-length" && rawHeaders[i + 1]?.trim() !== "0") hasBody = true;
  }
  if (host === undefined || hosts > 1 || !HOST.test(host)) return "ERR_HOST";
  if (target !== undefined && !isGetTarget(target, host)) return "ERR_TARGET";
  if (hasBody) return "ERR_BODY";
  if (headers["sec-websocket-version"] !== "13") return "ERR_VERSION";
  if (!KEY.test(headers["sec-websocket-key"] ?? "")) return "ERR_KEY";
  return subprotocols === BAD_OFFER ? "ERR_SUBPROTOCOLS" : undefined;
}

/** Can this request target be parsed as a URL and decoded? `//`, `//[::1` and `/%` cannot. */
export function isReadableTarget(target: string): boolean {
  if (!URL.canParse(target, "http://localhost")) return false;
  try {
    decodeURI(target);
    return true;
  } catch {
    return false;
  }
}
