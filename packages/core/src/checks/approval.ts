import { validateHeaderName, validateHeaderValue } from "node:http";
import type { Compression, DeflateParameters } from "../wire/compression.ts";
import type { RefusalCode } from "../base/errors.ts";
import type { HeaderValues } from "./given-headers.ts";
import { promiseOf } from "../base/guard.ts";
import { acceptKey, handshakeFault } from "./handshake.ts";
import type { OriginCheck } from "./origin.ts";
import { refusal, Refusal } from "./refusal.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/** Response headers of an acceptance; names in lower case. */
export type AcceptHeaders = Readonly<Record<string, string | readonly string[]>>;

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

/** A check may answer later. */
export type Awaitable<T> = T | Promise<T>;

/** What a route asks of every request, and what it puts on its answer. */
export interface Checks<Context, Native> {
  readonly checkHost: (request: UpgradeRequest<Native>) => boolean;
  readonly checkOrigin: OriginCheck<UpgradeRequest<Native>>;
  readonly pickSubprotocol: (offered: readonly string[], request: UpgradeRequest<Native>) => string | undefined;
  readonly authorize: ((request: UpgradeRequest<Native>) => Awaitable<Context | Refusal>) | undefined;
  readonly headers: (request: UpgradeRequest<Native>) => HeaderValues;
  readonly compression: Compression | undefined;
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

/** Nearly all checks answer at once: then no promise is made. @returns what `next` makes of `value`, or of what it settles to. */
export function andThen<Value, Result>(value: Value | Promise<Value>, next: (value: Value) => Result | Promise<Result>): Result | Promise<Result> {
  // A check in plain JavaScript may return any thenable.
  const promise = promiseOf(value) as Promise<Value> | undefined;
  return promise === undefined ? next(value as Value) : promise.then(next);
}

/**
 * The order of the checks: handshake, host, origin, admission, authorize. The first refusal wins. Throws or rejects when code of
 * the user fails.
 */
export function examine<Context, Native>(
  request: UpgradeRequest<Native>,
  options: Checks<Context, Native>,
  admit: () => RefusalCode | undefined,
): Approval<Context, Native> | Refusal | Promise<Approval<Context, Native> | Refusal> {
  const fault = handshakeFault(request.raw);
  if (fault !== undefined) return refusal(fault);
  if (!options.checkHost(request)) return refusal("ERR_HOST_NOT_ALLOWED");
  return andThen(options.checkOrigin(request.origin, request), (isAllowed: unknown) => {
    // A check in plain JavaScript may return anything, and only `true` is a yes.
    if (isAllowed !== true) return refusal("ERR_ORIGIN");
    const excess = admit();
    if (excess !== undefined) return refusal(excess);
    if (options.authorize === undefined) return approve(request, options, undefined as Context);
    return andThen(options.authorize(request), (context) => {
      if (context instanceof Refusal) return context;
      if (context === (false as unknown)) return refusal("ERR_FORBIDDEN");
      return approve(request, options, context);
    });
  });
}

function approve<Context, Native>(request: UpgradeRequest<Native>, options: Checks<Context, Native>, context: Context): Approval<Context, Native> {
  const subprotocol = options.pickSubprotocol(request.subprotocols, request);
  const deflate = options.compression?.negotiate(request.headers["sec-websocket-extensions"]);
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(options.headers(request))) setHeader(headers, name, value);
  headers["upgrade"] = "websocket";
  headers["connection"] = "Upgrade";
  // The handshake was checked: the key is there.
  headers["sec-websocket-accept"] = acceptKey(request.headers["sec-websocket-key"] ?? "");
  if (subprotocol !== undefined) headers["sec-websocket-protocol"] = subprotocol;
  if (deflate !== undefined) headers["sec-websocket-extensions"] = deflate.header;
  return { ok: true, status: 101, headers, context, subprotocol, deflate, request };
}
