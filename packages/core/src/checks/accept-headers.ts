import { hash } from "node:crypto";
import { validateHeaderName, validateHeaderValue } from "node:http";
import type { HeaderValues } from "./given-headers.ts";

/** RFC 6455 §1.3. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Response headers of an acceptance; names in lower case. */
export type AcceptHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What the handshake itself puts on the 101. */
interface Agreed {
  /** Of the request; it was checked. */
  readonly key: string;
  readonly subprotocol: string | undefined;
  /** The value of `Sec-WebSocket-Extensions`. */
  readonly extensions: string | undefined;
}

/** Every header of the 101 (RFC 6455 §4.2.2), behind those of the application. @throws TypeError for what may not stand in a header. */
export function acceptHeaders(given: HeaderValues | undefined, { key, subprotocol, extensions }: Agreed): AcceptHeaders {
  const headers: Record<string, string | readonly string[]> = {};
  if (given !== undefined) for (const [name, value] of Object.entries(given)) setHeader(headers, name, value);
  headers["upgrade"] = "websocket";
  headers["connection"] = "Upgrade";
  headers["sec-websocket-accept"] = acceptKey(key);
  if (subprotocol !== undefined) headers["sec-websocket-protocol"] = subprotocol;
  if (extensions !== undefined) headers["sec-websocket-extensions"] = extensions;
  return headers;
}

/** @throws TypeError for what may not stand in a header: a line break would forge another one. */
function setHeader(headers: Record<string, string | readonly string[]>, name: string, value: string | readonly string[]): void {
  validateHeaderName(name);
  for (const one of [value].flat()) validateHeaderValue(name, one);
  headers[name.toLowerCase()] = value;
}

/** RFC 6455 §4.2.2: the proof that the server understood the handshake. */
function acceptKey(key: string): string {
  return hash("sha1", key + ACCEPT_GUID, "base64");
}
