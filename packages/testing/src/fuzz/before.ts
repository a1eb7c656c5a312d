import { encodeHandshake, type HandshakeInit } from "../handshake-request.ts";
import type { Random } from "./random.ts";

/**
 * Pages of the server that are asked for before an upgrade, by how their answer is sent. Kinds without a page are not played.
 */
export interface FuzzPages {
  /** Answered at once. @default "/" */
  readonly quick?: string;
  /** Answered some milliseconds later. */
  readonly slow?: string;
  /** Sent in pieces, with pauses between them. */
  readonly streamed?: string;
  /** Its bytes are all there some milliseconds before the server calls its answer finished. */
  readonly lateEnd?: string;
  /** Longer than the buffers of a socket, so that it cannot be finished while the client does not read. */
  readonly download?: string;
}

/** Where the requests go. */
export interface Address {
  readonly authority: string;
  /** Of the WebSocket route. */
  readonly path: string;
  readonly pages: FuzzPages;
}

/** One request before the upgrade. */
export interface Before {
  /** What it leaves the connection in, for the statistics. */
  readonly state: string;
  readonly method: string;
  readonly bytes: Buffer;
  /** The client does not read until it has sent everything. */
  readonly isUnread: boolean;
  /** A good handshake: HTTP ends here. */
  readonly isWebSocket: boolean;
  /** Asks for another protocol. Node itself drops what comes in the same packet behind an upgrade that is not taken. */
  readonly mayLoseNext: boolean;
}

/** What a request says besides its start line, Host and number. */
interface Say {
  readonly method?: string;
  readonly path?: string;
  readonly version?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
  /** RFC 9112 §2.2: empty lines in front of a request are ignored. */
  readonly front?: string;
}

type Kind = (address: Address, random: Random) => Say | HandshakeInit | undefined;

const FORM = "a=1&b=2";
const CHUNKED = "3\r\na=1\r\n4;x=y\r\n&b=2\r\n0\r\n\r\n";

const page =
  (kind: keyof FuzzPages): Kind =>
  ({ pages }) =>
    pages[kind] === undefined ? undefined : { path: pages[kind] };
const say =
  (said: Say): Kind =>
  () =>
    said;
const length = (body: string): string => `Content-Length: ${body.length}`;
const offer = (protocol: string): readonly string[] => [`Connection: Upgrade, HTTP2-Settings`, `Upgrade: ${protocol}`, "HTTP2-Settings: AAMAAABkAAQAAP__"];

/** Every state by its name, with how often it is taken among the others. */
const kinds: Readonly<Record<string, readonly [share: number, kind: Kind]>> = {
  "a page": [24, page("quick")],
  "a slow page": [24, page("slow")],
  "a streamed page": [12, page("streamed")],
  "a page that ends late": [6, page("lateEnd")],
  "a download, unread": [1, page("download")],
  "the route, no upgrade": [12, ({ path }) => ({ path })],
  HEAD: [12, say({ method: "HEAD" })],
  OPTIONS: [12, say({ method: "OPTIONS" })],
  "POST with a length": [12, say({ method: "POST", lines: [length(FORM)], body: FORM })],
  "POST in chunks": [12, say({ method: "POST", lines: ["Transfer-Encoding: chunked"], body: CHUNKED })],
  "POST that expects 100": [12, say({ method: "POST", lines: [length(FORM), "Expect: 100-continue"], body: FORM })],
  "a page, by HTTP/1.0": [6, say({ version: "1.0", lines: ["Connection: keep-alive"] })],
  "a page, Connection: close": [6, say({ lines: ["Connection: close"] })],
  "empty lines and a page": [6, (_, random) => ({ front: "\r\n".repeat(1 + random.below(3)) })],
  h2c: [12, say({ lines: offer("h2c") })],
  "h2c with a body": [12, say({ method: "POST", lines: [...offer("h2c"), length(FORM)], body: FORM })],
  "h2c, slow": [12, ({ pages }) => (pages.slow === undefined ? undefined : { path: pages.slow, lines: offer("h2c") })],
  "another protocol": [12, say({ lines: offer("foo/1") })],
  CONNECT: [3, say({ method: "CONNECT", path: "example.com:443" })],
  "a bad handshake": [12, (_, random) => random.pick<HandshakeInit>([{ version: "8" }, { key: "short" }, { method: "POST" }, { key: null }])],
  "a good handshake": [12, () => ({ key: "dGhlIHNhbXBsZSBub25jZQ==" })],
};

const names: readonly string[] = Object.entries(kinds).flatMap(([name, [share]]) => Array<string>(share).fill(name));

/** A request as it may come before an upgrade; `at` is its place on the connection. */
export function createBefore(address: Address, at: number, random: Random): Before {
  for (;;) {
    const state = random.pick(names);
    const said = kinds[state]?.[1](address, random);
    if (said === undefined) continue;
    const text = state.endsWith("handshake") ? handshake(said, address, at, random) : request(said as Say, address, at);
    return {
      state,
      method: (said as Say).method ?? "GET",
      bytes: Buffer.from(text, "latin1"),
      isUnread: state.endsWith("unread"),
      isWebSocket: state === "a good handshake",
      mayLoseNext: state.startsWith("h2c") || state === "another protocol",
    };
  }
}

/** A handshake that says which place on the connection it has. */
export function handshake(init: HandshakeInit, { authority, path }: Address, at: number, random: Random): string {
  return encodeHandshake({ path, key: random.bytes(16).toString("base64"), ...init, headers: { "X-Fuzz": `${at}`, ...init.headers } }, authority).text;
}

function request(said: Say, { authority, pages }: Address, at: number): string {
  const { method = "GET", path = pages.quick ?? "/", version = "1.1", lines = [], body = "", front = "" } = said;
  return `${front}${[`${method} ${path} HTTP/${version}`, `Host: ${authority}`, `X-Fuzz: ${at}`, ...lines].join("\r\n")}\r\n\r\n${body}`;
}
