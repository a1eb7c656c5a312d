import type { IncomingMessage } from "node:http";
import type { AdmissionCaps } from "./admission.ts";
import type { Client } from "./client-address.ts";
import { systemClock, type Clock } from "./clock.ts";
import { resolveCompression, type CompressionOptions } from "./compression.ts";
import { compileOriginRule, type OriginCheck, type OriginRule } from "./origin.ts";
import type { ReaderKind } from "./frame-reader.ts";
import { compileTrustProxy, type TrustProxy } from "./forwarded.ts";
import type { Refusal } from "./refuse.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/** A client that reads more slowly than it is written to: end it (1013), or lose what does not fit. */
export type SlowConsumerPolicy = "close" | "drop-newest";

/** Limits of one connection. Every time is in milliseconds, every size in bytes. */
export interface ConnectionLimits {
  /** Longest message, after inflating; more is close 1009. @default 1048576 */
  readonly maxMessageBytes?: number;
  /** Most fragments of one message; more is close 1008. @default 1024 */
  readonly maxFragments?: number;
  /** What may wait for a slow client, in our queue and the socket's. A longer message is taken only by an empty queue. @default 1048576 */
  readonly maxQueueBytes?: number;
  /** What happens over `maxQueueBytes`. @default "close" */
  readonly slowConsumer?: SlowConsumerPolicy;
  /** Age of the oldest byte that waits; older is close 1013. @default 10000 */
  readonly writeTimeoutMs?: number;
  /** Time for one message, from its first byte to its last; then close 1008. @default 30000 */
  readonly messageTimeoutMs?: number;
  /** Time between pings. 0 switches the heartbeat off, and dead peers are then never found. @default 25000 */
  readonly pingIntervalMs?: number;
  /** Time for a sign of life after a ping; then the socket is destroyed. @default 20000 */
  readonly pongTimeoutMs?: number;
  /** Longest silence between two messages of the client; then close 1001. 0 means for ever. @default 0 */
  readonly idleTimeoutMs?: number;
  /** Time for the peer to answer a close frame; then the socket is destroyed (RFC 6455 §7.1.1). @default 5000 */
  readonly closeTimeoutMs?: number;
}

type Awaitable<T> = T | Promise<T>;
type HeaderValues = Readonly<Record<string, string | readonly string[]>>;

export interface UpgraderOptions<Context = unknown, Native = unknown> extends ConnectionLimits {
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
   * `refuse(401 | 403, body)` says no, and so does `false`. A throw is answered with 500 and reported.
   */
  readonly authorize?: (request: UpgradeRequest<Native>) => Awaitable<Context | Refusal>;
  /** Extra headers on the 101, `Set-Cookie` included. */
  readonly headers?: HeaderValues | ((request: UpgradeRequest<Native>) => HeaderValues);
  /** permessage-deflate (RFC 7692), without context takeover on either side. @default false */
  readonly compression?: boolean | CompressionOptions;
  /** Time for the whole handshake, `authorize` and middleware included. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /** Sees every refusal by this upgrader; the channel `upwire:refused` also has those from before any route was reached. */
  readonly onReject?: (refusal: Refusal, request: UpgradeRequest<Native>) => void;
  /** Sees every error of your own code: a handler, `authorize`, a hook. @default writes it to stderr */
  readonly onError?: (error: unknown) => void;
  /** Whose code reads the frames: our own, or the Receiver of `ws`, to compare with. @default "own" */
  readonly reader?: ReaderKind;
  /** Replaces time in tests. */
  readonly clock?: Clock;
}

/** Every default that is a number or a word. */
export const defaults: Readonly<Required<ConnectionLimits> & { readonly origin: "same-origin"; readonly handshakeTimeoutMs: number }> =
  Object.freeze({
    origin: "same-origin",
    handshakeTimeoutMs: 10_000,
    maxMessageBytes: 1024 * 1024,
    maxFragments: 1024,
    maxQueueBytes: 1024 * 1024,
    slowConsumer: "close",
    writeTimeoutMs: 10_000,
    messageTimeoutMs: 30_000,
    pingIntervalMs: 25_000,
    pongTimeoutMs: 20_000,
    idleTimeoutMs: 0,
    closeTimeoutMs: 5_000,
  });

/** The options with every default filled in, and every rule turned into a closure. */
export interface ResolvedOptions<Context, Native> {
  readonly limits: Required<ConnectionLimits>;
  readonly handshakeTimeoutMs: number;
  readonly clientOf: (req: IncomingMessage) => Client;
  /** `undefined` when nothing is capped. */
  readonly caps: AdmissionCaps | undefined;
  readonly checkOrigin: OriginCheck<UpgradeRequest<Native>>;
  readonly pickSubprotocol: (offered: readonly string[], request: UpgradeRequest<Native>) => string | undefined;
  readonly authorize: ((request: UpgradeRequest<Native>) => Awaitable<Context | Refusal>) | undefined;
  readonly headers: (request: UpgradeRequest<Native>) => HeaderValues;
  readonly compression: Required<CompressionOptions> | undefined;
  readonly onReject: (refusal: Refusal, request: UpgradeRequest<Native>) => void;
  readonly onError: (error: unknown) => void;
  readonly reader: ReaderKind;
  readonly clock: Clock;
}

const mayBeZero = new Set(["pingIntervalMs", "idleTimeoutMs"]);

function resolveLimits(options: ConnectionLimits & { readonly handshakeTimeoutMs?: number }): Required<ConnectionLimits> & { handshakeTimeoutMs: number } {
  const resolved: Record<string, unknown> = {};
  for (const [name, preset] of Object.entries(defaults)) {
    if (name === "origin") continue;
    const value = options[name as keyof ConnectionLimits] ?? preset;
    const valid = name === "slowConsumer" ? value === "close" || value === "drop-newest" : isCount(value, mayBeZero.has(name) ? 0 : 1);
    if (!valid) throw new RangeError(`${name}: ${String(value)} is not allowed`);
    resolved[name] = value;
  }
  return resolved as unknown as Required<ConnectionLimits> & { handshakeTimeoutMs: number };
}

function resolveCaps(options: { readonly maxConnections?: number; readonly maxConnectionsPerAddress?: number }): AdmissionCaps | undefined {
  const { maxConnections, maxConnectionsPerAddress } = options;
  const caps = { maxConnections, maxConnectionsPerAddress };
  for (const [name, cap] of Object.entries(caps)) {
    if (cap !== undefined && !isCount(cap, 1)) throw new RangeError(`${name}: ${String(cap)} is not allowed`);
  }
  return maxConnections === undefined && maxConnectionsPerAddress === undefined ? undefined : caps;
}

/** @throws RangeError for what is no time that a timer can wait. */
export function checkTimeout(name: string, ms: number, least = 1): number {
  if (!isCount(ms, least)) throw new RangeError(`${name}: ${ms} is not allowed`);
  return ms;
}

function isCount(value: unknown, least: number): boolean {
  // Timers and buffers end at 2^31 - 1; "no limit" is not on offer.
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= 0x7fffffff;
}

function resolveOrigin<Context, Native>(options: UpgraderOptions<Context, Native>): OriginCheck<UpgradeRequest<Native>> {
  if (options.unsafeAllowAnyOrigin === true) return () => true;
  const rule = options.origin ?? defaults.origin;
  if (typeof rule === "function") return rule;
  const allows = compileOriginRule(rule, options.requireOrigin ?? false);
  return (origin, request) => {
    const fetchSite = request.headers["sec-fetch-site"];
    return allows({
      origin,
      host: request.host,
      secure: request.scheme === undefined ? undefined : request.secure,
      fetchSite: typeof fetchSite === "string" ? fetchSite : undefined,
    });
  };
}

function resolveSubprotocols<Context, Native>(
  subprotocols: UpgraderOptions<Context, Native>["subprotocols"] = [],
): ResolvedOptions<Context, Native>["pickSubprotocol"] {
  if (typeof subprotocols !== "function") return (offered) => subprotocols.find((name) => offered.includes(name));
  return (offered, request) => {
    const picked = subprotocols(offered, request);
    // RFC 6455 §4.1: a client fails the connection when it gets a subprotocol that it did not offer.
    return picked !== undefined && offered.includes(picked) ? picked : undefined;
  };
}

/** @throws RangeError or TypeError for a value that cannot be meant. */
export function resolveOptions<Context, Native>(options: UpgraderOptions<Context, Native>): ResolvedOptions<Context, Native> {
  const { handshakeTimeoutMs, ...limits } = resolveLimits(options);
  const { compression = false, headers = {} } = options;
  return {
    limits,
    handshakeTimeoutMs,
    clientOf: compileTrustProxy(options.trustProxy),
    caps: resolveCaps(options),
    checkOrigin: resolveOrigin(options),
    pickSubprotocol: resolveSubprotocols(options.subprotocols),
    authorize: options.authorize,
    headers: typeof headers === "function" ? headers : () => headers,
    compression: resolveCompression(compression),
    onReject: options.onReject ?? (() => {}),
    onError: options.onError ?? ((error) => console.error("upwire:", error)),
    reader: options.reader ?? "own",
    clock: options.clock ?? systemClock,
  };
}
