import { CHECK_MEDIA_TYPE } from "@upwire/protocol";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { isWebSocketUpgrade } from "./handshake.ts";
import { listMembers } from "./header-list.ts";

/** Whether `req` asks what a handshake would be answered. A request with a key is a handshake that a proxy has spoilt. */
export function asksForCheck({ method, headers }: IncomingMessage): boolean {
  const { accept } = headers;
  if (method !== "GET" || accept === undefined || headers["sec-websocket-key"] !== undefined || isWebSocketUpgrade(headers)) return false;
  return listMembers(accept).some((member) => member.split(";", 1)[0]?.trim().toLowerCase() === CHECK_MEDIA_TYPE);
}

/** The origin of the page that `req` is from: what its handshake says or, where it only asks, would say. */
export function originOf(req: IncomingMessage): string | undefined {
  return asksForCheck(req) ? askingOrigin(req.headers) : req.headers.origin;
}

/**
 * To a page's own host a GET carries no Origin header, which the handshake will (Fetch standard, section 3.2): there the Referer
 * tells it. A page of another host can leave out both (`no-cors`, `no-referrer`), and counts as one that hides its origin.
 */
function askingOrigin({ origin, referer, "sec-fetch-site": site }: IncomingHttpHeaders): string | undefined {
  if (origin !== undefined) return origin;
  if (referer !== undefined && URL.canParse(referer)) return new URL(referer).origin;
  return site === "cross-site" || site === "same-site" ? "null" : undefined;
}
