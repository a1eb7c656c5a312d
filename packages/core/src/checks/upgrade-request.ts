import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Slot } from "./admission.ts";
import { directClient, printAddress, type Client } from "./client-address.ts";
import { NO_OFFER, parseOffer } from "./handshake.ts";
import { originOf } from "./question.ts";
import { sentTarget } from "./sent-target.ts";

/** The part of an upgrade request that a connection keeps; the request itself is let go. */
export interface ConnectionRequest {
  /** The request target as it was sent: path and query. May hold a token; redact it before logging. */
  readonly url: string;
  /** The Host header, or what a proxy of `trustProxy` says that it was. */
  readonly host: string;
  /** The Origin header; `undefined` when the client is no browser. */
  readonly origin: string | undefined;
  /** True when the request came over TLS to this process, or to a proxy of `trustProxy` that says so. */
  readonly secure: boolean;
}

/** What a framework adapter knows about a request beyond node:http. */
export interface FrameworkRequest<Native> {
  /** The framework's own request or context. */
  readonly native: Native;
  /** What its router found in the path: texts, or what a router or a schema has made of them. */
  readonly params?: object;
  /** What middleware wants on the answer; only for `check`, where core does not see the framework's response. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Gets the errors of this request and of its connection when the options have no `onError`. Must not hold the request. */
  readonly logError?: (error: unknown) => void;
}

/** For bare node:http. */
export function nodeRequest<Native>(req: IncomingMessage): FrameworkRequest<Native> {
  return { native: req as Native };
}

function textOf(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map(textOf).join("/");
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint" ? String(value) : undefined;
}

/** What stands for the Host header in a request by HTTP/2, where a client may leave that out. */
function authorityOf({ ":authority": authority }: IncomingHttpHeaders): string {
  return typeof authority === "string" ? authority : "";
}

/** All params as texts. Nearly always they are texts already, and stay as they are. */
function textParams(params: object): Readonly<Record<string, string | undefined>> {
  const values: readonly unknown[] = Object.values(params);
  if (values.every((value) => typeof value === "string")) return params as Readonly<Record<string, string>>;
  return Object.fromEntries(Object.entries(params).map(([name, value]: [string, unknown]) => [name, textOf(value)]));
}

function parseCookies(header: string | undefined): Readonly<Record<string, string>> {
  const cookies: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of (header ?? "").split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 1) continue;
    const name = pair.slice(0, equals).trim();
    // RFC 6265 §5.4: the first of two cookies with one name is the more specific.
    if (!(name in cookies)) cookies[name] = pair.slice(equals + 1).trim();
  }
  return cookies;
}

/** One upgrade request, as `authorize`, `origin`, `subprotocols`, `headers` and the handler's `open` see it. */
export class UpgradeRequest<Native = unknown> implements ConnectionRequest {
  /** The request target as it was sent, path and query, wherever the route is mounted. */
  readonly url: string;
  /** The same as the router sees it that the route belongs to: below a mount without the mount's path, or rewritten. */
  readonly routedUrl: string;
  /** Node's request: what middleware put on it (`raw.session`) is there. */
  readonly raw: IncomingMessage;
  /** The framework's own request or context: Express `req`, Fastify `request`, Koa `ctx`, Hono `c`. */
  readonly native: Native;
  /**
   * What the framework's router found in the path, as text on every framework: the parts of a wildcard are joined with `/`, and a
   * number that a schema has made of one is text again; an object is left out. What the framework itself has is on `native`:
   * Express 5 has a list there.
   */
  readonly params: Readonly<Record<string, string | undefined>>;
  /** `ip:port` of the client; the IP address alone when `trustProxy` has found it and no port was told. */
  readonly remoteAddress: string;
  /** As Node has them: names in lower case, doubled ones joined or dropped. */
  readonly headers: IncomingHttpHeaders;
  /** The client's IP address alone. */
  readonly ip: string;
  /** The scheme that the client used; `undefined` when it is not known, since a proxy may have ended TLS before us. */
  readonly scheme: "http" | "https" | undefined;
  readonly host: string;
  readonly origin: string | undefined;
  /** The subprotocols that the client offers, in its order; none when the header breaks the rules. */
  readonly subprotocols: readonly string[];
  #slot: Slot | undefined;

  /** @param clientOf Finds the client; by the socket alone unless proxies are trusted. */
  constructor(raw: IncomingMessage, framework: FrameworkRequest<Native>, clientOf: (req: IncomingMessage) => Client = directClient) {
    this.params = framework.params === undefined ? {} : textParams(framework.params);
    const client = clientOf(raw);
    this.remoteAddress = printAddress(client);
    this.raw = raw;
    this.url = sentTarget(raw, framework.native);
    // Read now: routers put `url` back when the route has returned.
    this.routedUrl = raw.url ?? "/";
    const { headers } = raw;
    this.headers = headers;
    this.native = framework.native;
    this.ip = client.ip;
    this.scheme = client.scheme;
    this.host = client.host ?? headers.host ?? authorityOf(headers);
    this.origin = originOf(raw);
    const offer = headers["sec-websocket-protocol"];
    this.subprotocols = offer === undefined ? NO_OFFER : parseOffer(offer);
  }

  /** The slot is the request's until `freeSlot`. */
  static holdSlot(request: UpgradeRequest, slot: Slot): void {
    request.#slot = slot;
  }

  /** Gives its slot back, if it has one. */
  static freeSlot(request: UpgradeRequest): void {
    request.#slot?.free();
    request.#slot = undefined;
  }

  /** The request target as it was sent, without its query. */
  get path(): string {
    return this.url.split("?", 1)[0] ?? "/";
  }

  get query(): URLSearchParams {
    const mark = this.url.indexOf("?");
    return new URLSearchParams(mark < 0 ? "" : this.url.slice(mark + 1));
  }

  get secure(): boolean {
    return this.scheme === "https";
  }

  /** The cookies as they were sent, not decoded. */
  get cookies(): Readonly<Record<string, string>> {
    return parseCookies(this.headers.cookie);
  }
}

/** What connections keep of their requests. Most clients send the same: neighbours share one object. */
export class KeptRequests {
  #last: ConnectionRequest = { url: "", host: "", origin: undefined, secure: false };

  of({ url, host, origin, secure }: ConnectionRequest): ConnectionRequest {
    const last = this.#last;
    if (url !== last.url || host !== last.host || origin !== last.origin || secure !== last.secure) this.#last = { url, host, origin, secure };
    return this.#last;
  }
}
