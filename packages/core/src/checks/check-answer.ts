// A browser tells a page nothing about a handshake that was refused. The page can ask: a plain GET of the route, with the media type of
// `@upwire/protocol` in Accept, is answered with what a handshake would be answered now.

import { CHECK_MEDIA_TYPE, MAX_RETRY_AFTER_MS, type HandshakeCheck, type HandshakeCheckRefusal } from "@upwire/protocol";
import type { IncomingMessage } from "node:http";
import { listenerMark } from "../base/cross-copy.ts";
import { refusals } from "../base/errors.ts";
import { shutdownRefusal, writable, type Refusal } from "./refusal.ts";

/** The answer to such a question. It is no yes: a route writes it as it stands. */
export interface CheckAnswer {
  readonly ok: false;
  readonly status: 200;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Nothing was refused. */
  readonly code: undefined;
}

interface MarkedListener {
  readonly [listenerMark]?: { readonly isClosing: boolean; readonly retryAfterSeconds: number };
}

/** The refusal of every handshake while the server of `req` closes. `undefined` as long as it does not, or is not known. */
export function closingRefusal(req: IncomingMessage): Refusal | undefined {
  const { server } = req.socket as { readonly server?: NodeJS.EventEmitter };
  const states = server?.listeners("upgrade").map((listener) => (listener as MarkedListener)[listenerMark]);
  const closing = states?.find((state) => state?.isClosing === true);
  return closing && shutdownRefusal(closing.retryAfterSeconds);
}

/**
 * @param refused `undefined` for a yes.
 * @param readableBy The origin whose pages may read the answer; without one, no page of another host can.
 */
export function checkAnswer(refused: Refusal | undefined, readableBy: string | undefined): CheckAnswer {
  const answer: HandshakeCheck = refused === undefined ? { ok: true } : describe(writable(refused).refusal);
  const body = JSON.stringify(answer);
  const cors = readableBy === undefined ? undefined : { "access-control-allow-origin": readableBy, "access-control-allow-credentials": "true" };
  const headers = {
    // Some frameworks would add the charset: so it is the same on all.
    "content-type": `${CHECK_MEDIA_TYPE}; charset=utf-8`,
    "content-length": `${Buffer.byteLength(body)}`,
    "cache-control": "no-store",
    vary: "origin, accept",
    ...cors,
  };
  return { ok: false, status: 200, headers, body, code: undefined };
}

function describe(refused: Refusal): HandshakeCheckRefusal {
  const { status, code, headers } = refused;
  const retryAfterMs = retryAfterMsOf(headers["retry-after"]);
  const retry = retryAfterMs === undefined ? retryOf(refused) : "later";
  return { ok: false, status, code, retry, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** The codes of what `authorize` refuses say nothing about its status, which may be any. */
function retryOf({ status, code }: Refusal): HandshakeCheckRefusal["retry"] {
  const { status: usual, retry } = refusals[code];
  if (status === usual) return retry === "later" ? retry : retry ? "yes" : "no";
  if (status === 429 || status === 503) return "later";
  return status >= 500 || status === 408 || status === 425 ? "yes" : "no";
}

/** RFC 9110 §10.2.3: seconds, or a date. `undefined` for what is neither. */
function retryAfterMsOf(header: string | undefined): number | undefined {
  const text = header?.trim() ?? "";
  const ms = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : /^[A-Z][a-z]{2}, .* GMT$/.test(text) ? Date.parse(text) - Date.now() : NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}
