import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { rawHeaderValues } from "./client-address.ts";
import type { RefusalCode } from "./errors.ts";
import { isToken, listHolds, listMembers } from "./header-list.ts";

/** RFC 6455 §1.3. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64; the last letter before the padding has only 2 significant bits. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
/** RFC 9110 §7.2, RFC 3986 §3.2.2: a registered name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. */
const HOST = /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})+|\[[\w.:~%-]+\])(?::\d*)?$/i;

/** Does this request ask for the WebSocket protocol? Both headers are token lists (RFC 6455 §4.2.1). */
export function isWebSocketUpgrade(req: IncomingMessage): boolean {
  return listHolds(req.headers.upgrade, "websocket") && listHolds(req.headers.connection, "upgrade");
}

function hasBody(req: IncomingMessage): boolean {
  if (req.headers["transfer-encoding"] !== undefined) return true;
  return rawHeaderValues(req, "content-length").some((length) => length.trim() !== "0");
}

/** RFC 6455 §4.1: the names of `Sec-WebSocket-Protocol` are tokens, each at most once. `undefined` when they are not. */
export function offeredSubprotocols(req: IncomingMessage): readonly string[] | undefined {
  const header = req.headers["sec-websocket-protocol"];
  if (header === undefined) return [];
  const names = listMembers(header);
  const valid = names.length > 0 && names.every(isToken) && new Set(names).size === names.length;
  return valid ? names : undefined;
}

/** What is wrong with this opening handshake by RFC 6455 §4.2.1, or `undefined` when it is valid. */
export function handshakeFault(req: IncomingMessage): RefusalCode | undefined {
  if (req.method !== "GET") return "ERR_METHOD";
  if (req.httpVersionMajor !== 1 || req.httpVersionMinor !== 1) return "ERR_HTTP_VERSION";
  if (!isWebSocketUpgrade(req)) return "ERR_NOT_UPGRADE";
  const hosts = rawHeaderValues(req, "host");
  if (hosts.length !== 1 || !HOST.test(hosts[0] ?? "")) return "ERR_HOST";
  if (hasBody(req)) return "ERR_BODY";
  if (req.headers["sec-websocket-version"] !== "13") return "ERR_VERSION";
  if (!KEY.test(req.headers["sec-websocket-key"] ?? "")) return "ERR_KEY";
  if (offeredSubprotocols(req) === undefined) return "ERR_SUBPROTOCOLS";
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
