import { hash } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { rawHeaderValues } from "./client-address.ts";
import type { RefusalCode } from "../base/errors.ts";
import { isGetTarget, sentTarget } from "./sent-target.ts";
import { isToken, listHolds, listMembers } from "./header-list.ts";

/** RFC 6455 §1.3. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64; the last letter before the padding has only 2 significant bits. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
/** RFC 9110 §7.2, RFC 3986 §3.2.2: a registered name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. */
const HOST = /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})+|\[[\w.:~%-]+\])(?::\d*)?$/i;

/** Do these headers ask for the WebSocket protocol? Both are token lists (RFC 6455 §4.2.1). */
export function isWebSocketUpgrade({ upgrade, connection }: IncomingHttpHeaders): boolean {
  return listHolds(upgrade, "websocket") && listHolds(connection, "upgrade");
}

function hasBody(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): boolean {
  if (headers["transfer-encoding"] !== undefined) return true;
  return rawHeaderValues(rawHeaders, "content-length").some((length) => length.trim() !== "0");
}

/** RFC 6455 §4.1: the names of `Sec-WebSocket-Protocol` are tokens, each at most once. `undefined` when they are not. */
export function offeredSubprotocols(headers: IncomingHttpHeaders): readonly string[] | undefined {
  const header = headers["sec-websocket-protocol"];
  if (header === undefined) return [];
  const names = listMembers(header);
  const valid = names.length > 0 && names.every(isToken) && new Set(names).size === names.length;
  return valid ? names : undefined;
}

/** What is wrong with this opening handshake by RFC 6455 §4.2.1, or `undefined` when it is valid. */
export function handshakeFault(req: IncomingMessage): RefusalCode | undefined {
  // Each once: behind Express every look at the request is a slow one, since V8 knows no two of them to be alike.
  const { headers, rawHeaders, method, httpVersionMajor, httpVersionMinor } = req;
  const isUpgrade = isWebSocketUpgrade(headers);
  const key = headers["sec-websocket-key"];
  // Before the HTTP version: a proxy that is not told about WebSocket may also speak HTTP/1.0 to us, as nginx does.
  if (!isUpgrade && key !== undefined) return "ERR_UPGRADE_STRIPPED";
  if (method !== "GET") return "ERR_METHOD";
  if (httpVersionMajor !== 1 || httpVersionMinor !== 1) return "ERR_HTTP_VERSION";
  if (!isUpgrade) return "ERR_NOT_UPGRADE";
  const hosts = rawHeaderValues(rawHeaders, "host");
  if (hosts.length !== 1 || !HOST.test(hosts[0] ?? "")) return "ERR_HOST";
  if (!isGetTarget(sentTarget(req), hosts[0])) return "ERR_TARGET";
  if (hasBody(headers, rawHeaders)) return "ERR_BODY";
  if (headers["sec-websocket-version"] !== "13") return "ERR_VERSION";
  if (!KEY.test(key ?? "")) return "ERR_KEY";
  if (offeredSubprotocols(headers) === undefined) return "ERR_SUBPROTOCOLS";
  return undefined;
}

/** RFC 6455 §4.2.2: the proof that the server understood the handshake. */
export function acceptKey(key: string): string {
  return hash("sha1", key + ACCEPT_GUID, "base64");
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
