import type { IncomingMessage } from "node:http";
import type { AdmissionCaps } from "../checks/admission.ts";
import type { Client } from "../checks/client-address.ts";
import type { Clock } from "../base/clock.ts";
import { Compression, resolveCompression, type CompressionOptions } from "../wire/compression.ts";
import type { Connection } from "./connection.ts";
import { compileOriginCheck, type OriginCheck, type OriginRule } from "../checks/origin.ts";
import type { Awaitable, Checks } from "../checks/decide.ts";
import { originAdviser } from "../checks/origin-advice.ts";
import { compileAllowedHosts } from "../checks/allowed-hosts.ts";
import { compileTrustProxy, type TrustProxy } from "../checks/forwarded.ts";
import { checkHeaders, type HeaderValues } from "../checks/given-headers.ts";
import { kindOf } from "../base/kind-of.ts";
import { atOnce } from "../base/guard.ts";
import { guardedClock } from "../base/guarded-clock.ts";
import { defaults } from "../base/defaults.ts";
import { checkCount, limitKinds, resolveLimits, type ConnectionLimits, type ResolvedLimits } from "../base/limits.ts";
import { kinds, readOptions, type OptionKinds } from "../base/option-check.ts";
import { ownReaders, type Readers } from "../wire/readers.ts";
import type { Refusal } from "../checks/refusal.ts";
import { isPlainPolicy } from "../send/slow-consumer.ts";
import type { UpgradeRequest } from "../checks/upgrade-request.ts";

/** Whose error it is. */
export interface ErrorSource<Native = unknown> {
  /** After the upgrade. */
  readonly connection?: Connection;
  /** Before the upgrade, and for `open`. */
  readonly request?: UpgradeRequest<Native>;
}

export interface UpgraderOptions<Context = unknown, Native = unknown> extends ConnectionLimits {
  /**
   * The names by which browsers reach this server, checked before the origin: `["app.example.com", "*.example.com",
   * "localhost:3000", "127.0.0.1", "[::1]"]`; without a port, with any. With `trustProxy`, the name that the proxy tells. A
   * server that is open because it listens on loopback needs it, against DNS rebinding. @default all
   */
  readonly allowedHosts?: readonly string[];
  /** Which pages may connect. @default "same-origin" */
  readonly origin?: OriginRule<UpgradeRequest<Native>>;
  /** Refuse clients that send no Origin, which no browser leaves out. @default false */
  readonly requireOrigin?: boolean;
  /** Lets ANY web page act with the cookies of its visitor (cross-site WebSocket hijacking). @default false */
  readonly unsafeAllowAnyOrigin?: boolean;
  /** In the server's order of preference, or a function that picks from the client's offer. None is confirmed unless set. */
  readonly subprotocols?: readonly string[] | ((offered: readonly string[], request: UpgradeRequest<Native>) => string | undefined);
  /**
   * Which proxies are believed about the client's address, scheme and host: how many there are, or a list of their
   * addresses and networks. With too high a number, clients choose their own address. @default none
   */
  readonly trustProxy?: TrustProxy;
  /** Most clients of this Upgrader at once, unfinished handshakes included; more are refused with 503. @default no cap */
  readonly maxConnections?: number;
  /**
   * The same for one IPv4 address or one IPv6 /64; more are refused with 429. Behind a proxy, set `trustProxy` too, or
   * all clients count as the proxy. @default no cap
   */
  readonly maxConnectionsPerAddress?: number;
  /**
   * Who is this? Runs after the origin check and before the 101. What it returns becomes `connection.context`;
   * `refuse(401, body)` says no, and so does `false`, with 403. A throw is answered with 500 and reported.
   *
   * TypeScript reads `websocket(handler, options)` from left to right: to type the context of hooks that stand in the same call,
   * annotate `request`, or put `authorize` into the `options` of the handler, before its hooks.
   */
  readonly authorize?: (request: UpgradeRequest<Native>) => Awaitable<Context | Refusal | false>;
  /** Extra headers on the 101, `Set-Cookie` included. */
  readonly headers?: HeaderValues | ((request: UpgradeRequest<Native>) => HeaderValues);
  /** permessage-deflate (RFC 7692), without context takeover on either side unless `sharedHistory` is on. @default false */
  readonly compression?: boolean | CompressionOptions;
  /** Time for the whole handshake, `authorize` and middleware included. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /**
   * Least time between two writes to the clients. 0 writes at the end of each turn of the event loop. With 5 a message that
   * comes within 5 ms of the last write waits for the rest of them, and a busy server makes fewer and longer writes; one that
   * comes later still leaves at once. Milliseconds. @default 0
   */
  readonly maxBatchDelayMs?: number;
  /**
   * What the id of each connection starts with, such as the name of this process: 1 to 64 of A-Z, a-z, 0-9, `_`, `.` and `-`.
   * A random UUID follows, so ids are unique in any case. @default none
   */
  readonly connectionIdPrefix?: string;
  /** Sees every refusal by this upgrader; the channel `upwire:refused` also has those from before any route was reached. */
  readonly onReject?: (refusal: Refusal, request: UpgradeRequest<Native>) => void;
  /**
   * Sees every error of your own code, with `connection` or, before the upgrade, `request`: a handler, `authorize`, a hook, an
   * `onClose` listener. @default writes it to stderr; in Fastify the logger of the request
   */
  readonly onError?: (error: unknown, source: ErrorSource<Native>) => void;
  /** Whose code reads the frames: `wsReaders()` of the adapter entry is the Receiver of `ws`, to compare with. @default our own */
  readonly readers?: Readers;
  /** Replaces time in tests. */
  readonly clock?: Clock;
}

/** What a handler brings, for each option that its route does not set. */
export function withHandlerOptions<Context, Native>(
  brought: UpgraderOptions<Context, Native> | undefined,
  own: UpgraderOptions<Context, Native> | undefined,
): UpgraderOptions<Context, Native> {
  // Each set is checked before the two are merged: merging would hide that one of them is no object.
  const [before, over] = [brought, own].map((options) => readOptions<UpgraderOptions<Context, Native>>("Upgrader", options, upgraderKinds));
  return { ...before, ...over };
}

/** The options with every default filled in, and every rule turned into a closure. */
export interface ResolvedOptions<Context, Native> extends Checks<Context, Native> {
  readonly limits: ResolvedLimits;
  readonly handshakeTimeoutMs: number;
  readonly maxBatchDelayMs: number;
  readonly connectionIdPrefix: string;
  /** Neither `allowedHosts` nor `trustProxy` is set, so nothing guards a server that listens on loopback alone: it is warned of once. */
  readonly warnsOfLoopback: boolean;
  readonly clientOf: (req: IncomingMessage) => Client;
  /** `undefined` for the default. */
  readonly onError: ((error: unknown, source: ErrorSource<Native>) => void) | undefined;
  readonly readers: Readers;
  readonly clock: Clock;
}

function resolveCaps(options: { readonly maxConnections?: number; readonly maxConnectionsPerAddress?: number }): AdmissionCaps | undefined {
  const { maxConnections, maxConnectionsPerAddress } = options;
  const caps = { maxConnections, maxConnectionsPerAddress };
  for (const [name, cap] of Object.entries(caps)) if (cap !== undefined) checkCount(name, cap);
  return maxConnections === undefined && maxConnectionsPerAddress === undefined ? undefined : caps;
}

function resolveOrigin<Context, Native>(options: UpgraderOptions<Context, Native>): OriginCheck<UpgradeRequest<Native>> {
  if (options.unsafeAllowAnyOrigin === true) return () => true;
  const rule = options.origin ?? defaults.upgrade.origin;
  if (typeof rule === "function") return rule;
  return compileOriginCheck(rule, options);
}

function resolveSubprotocols<Context, Native>(
  subprotocols: UpgraderOptions<Context, Native>["subprotocols"],
): ResolvedOptions<Context, Native>["pickSubprotocol"] {
  if (subprotocols === undefined) return undefined;
  if (typeof subprotocols !== "function") return (offered) => subprotocols.find((name) => offered.includes(name));
  return (offered, request) => {
    const picked: unknown = atOnce("subprotocols", subprotocols(offered, request));
    if (typeof picked !== "string" && picked !== undefined && picked !== null && picked !== false) {
      throw new TypeError(`subprotocols: ${kindOf(picked)} is no subprotocol; give one of those offered, or undefined`);
    }
    // RFC 6455 §4.1: a client fails the connection when it gets a subprotocol that it did not offer.
    return typeof picked === "string" && offered.includes(picked) ? picked : undefined;
  };
}

function resolveHeaders<Context, Native>(headers: UpgraderOptions<Context, Native>["headers"]): ResolvedOptions<Context, Native>["headers"] {
  if (headers === undefined) return undefined;
  if (typeof headers === "function") return (request) => checkHeaders("headers", headers(request));
  const checked = checkHeaders("headers", headers);
  return () => checked;
}

function resolveOnReject<Context, Native>(options: UpgraderOptions<Context, Native>): ResolvedOptions<Context, Native>["onReject"] {
  const { onReject } = options;
  const advise = originAdviser(options);
  return (refused, request) => {
    advise(refused.code, request);
    // Returned, so that the caller waits for a promise and reports its rejection.
    return onReject?.(refused, request);
  };
}

const { anything, callback, flag } = kinds;

const upgraderKinds: OptionKinds<UpgraderOptions> = {
  ...limitKinds,
  allowedHosts: anything,
  origin: kinds.origin,
  requireOrigin: flag,
  unsafeAllowAnyOrigin: flag,
  subprotocols: kinds.subprotocols,
  trustProxy: anything,
  maxConnections: anything,
  maxConnectionsPerAddress: anything,
  authorize: callback,
  headers: kinds.headers,
  compression: kinds.compression,
  handshakeTimeoutMs: anything,
  maxBatchDelayMs: anything,
  connectionIdPrefix: kinds.idPrefix,
  onReject: callback,
  onError: callback,
  readers: kinds.readers,
  clock: kinds.clock,
};

/** @throws RangeError or TypeError for a value that cannot be meant. @throws TypeError for an option that does not exist. */
export function resolveOptions<Context, Native>(given: UpgraderOptions<Context, Native> | undefined): ResolvedOptions<Context, Native> {
  const options = readOptions<UpgraderOptions<Context, Native>>("Upgrader", given, upgraderKinds);
  const { handshakeTimeoutMs, maxBatchDelayMs, ...limits } = resolveLimits(options);
  const { compression = false } = options;
  const deflating = resolveCompression(compression, { passesBy: isPlainPolicy(limits.slowConsumer) });
  return {
    limits,
    handshakeTimeoutMs,
    maxBatchDelayMs,
    connectionIdPrefix: options.connectionIdPrefix ?? "",
    clientOf: compileTrustProxy(options.trustProxy),
    caps: resolveCaps(options),
    checkHost: options.allowedHosts === undefined ? undefined : compileAllowedHosts(options.allowedHosts),
    warnsOfLoopback: options.allowedHosts === undefined && options.trustProxy === undefined,
    checkOrigin: resolveOrigin(options),
    pickSubprotocol: resolveSubprotocols(options.subprotocols),
    authorize: options.authorize,
    headers: resolveHeaders(options.headers),
    compression: deflating && new Compression(deflating),
    onReject: resolveOnReject(options),
    onError: options.onError,
    readers: options.readers ?? ownReaders,
    clock: guardedClock(options.clock),
  };
}
