import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";
import { directClient, foldAddress, rawHeaderValues, type Client, type Endpoint } from "./client-address.ts";

/**
 * Which proxies may say who the client is.
 * - a number: so many proxies stand before this server, and there is no way around them.
 * - a list of their addresses and networks: `["127.0.0.1", "10.0.0.0/8", "fd00::/8"]`.
 */
export type TrustProxy = number | readonly string[];

/** Is the sender that many hops from us a proxy of ours? `ip` is `undefined` for one that hides its address. */
type Trust = (ip: string | undefined, hop: number) => boolean;

/** What one proxy said about the sender in front of it. */
interface Report {
  readonly from: Endpoint | undefined;
  readonly scheme: Client["scheme"];
  readonly host: string | undefined;
}

/** Longer is no address and no host name; checked before any pattern runs. */
const MAX_VALUE_LENGTH = 262;
const NOTHING: Report = { from: undefined, scheme: undefined, host: undefined };

function addEntry(trusted: BlockList, entry: unknown): void {
  const [address = "", prefix, ...rest] = typeof entry === "string" ? entry.split("/") : [];
  const family = isIP(address);
  if (family === 0 || address.includes("%") || rest.length > 0) {
    throw new TypeError(`trustProxy: ${JSON.stringify(entry)} is not an address; write "10.0.0.1", "10.0.0.0/8" or "fd00::/8"`);
  }
  const folded = foldAddress(address);
  const isFolded = family === 6 && !isIPv6(folded);
  const length = prefix === undefined ? (family === 4 ? 32 : 128) : Number(/^\d{1,3}$/.test(prefix) ? prefix : 0);
  const bits = isFolded ? length - 96 : length;
  const type = isIPv6(folded) ? "ipv6" : "ipv4";
  // A network of length 0 contains every address: then each client could name any address as its own.
  if (bits < 1 || bits > (type === "ipv6" ? 128 : 32)) throw new RangeError(`trustProxy: ${JSON.stringify(entry)} has no usable length`);
  trusted.addSubnet(folded, bits, type);
}

function compileTrust(trust: TrustProxy): Trust {
  if (typeof trust === "number") {
    if (!Number.isSafeInteger(trust) || trust < 1) throw new RangeError(`trustProxy: ${trust} is no number of proxies`);
    return (_ip, hop) => hop < trust;
  }
  if (!Array.isArray(trust)) {
    throw new TypeError(`trustProxy: write the number of your proxies, or a list of their addresses, not ${JSON.stringify(trust)}`);
  }
  const trusted = new BlockList();
  for (const entry of trust) addEntry(trusted, entry);
  return (ip) => ip !== undefined && isIP(ip) !== 0 && trusted.check(ip, isIPv6(ip) ? "ipv6" : "ipv4");
}

/**
 * The members of a list header from its right end, where the nearest proxy writes; commas in quotes do not part. What
 * stands on the left cannot change how the right is read, since nothing there was looked at yet.
 */
function* membersFromRight(lines: readonly string[]): Generator<string> {
  for (const line of lines.toReversed()) {
    let end = line.length;
    let isQuoted = false;
    for (let i = end - 1; i >= -1; i--) {
      if (line[i] === '"' && line[i - 1] !== "\\") isQuoted = !isQuoted;
      if (i >= 0 && (line[i] !== "," || isQuoted)) continue;
      const member = line.slice(i + 1, end).trim();
      end = i;
      // RFC 9110 §5.6.1.2: empty members do not count.
      if (member !== "") yield member;
    }
  }
}

/** `ip`, `ip:port`, `[ipv6]` or `[ipv6]:port`; `undefined` for `unknown`, `_hidden` and everything else. */
function readEndpoint(text: string): Endpoint | undefined {
  if (text.length > MAX_VALUE_LENGTH || text.includes("%")) return undefined;
  if (isIPv6(text)) return { ip: foldAddress(text), port: undefined };
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(.*))?$/.exec(text);
  const [, bracketed, plain = "", port = ""] = parts ?? [];
  if (bracketed === undefined ? isIP(plain) !== 4 : !isIPv6(bracketed)) return undefined;
  // RFC 7239 §6: a port may be hidden too (`_x`).
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  return { ip: foldAddress(bracketed ?? plain), port: number > 0 && number < 65_536 ? number : undefined };
}

function readScheme(text: string | undefined): Client["scheme"] {
  if (text === undefined || text.length > MAX_VALUE_LENGTH) return undefined;
  const parts = /^(?:http|ws)(s?)$/i.exec(text);
  return parts === null ? undefined : parts[1] === "" ? "http" : "https";
}

function readHost(text: string | undefined): string | undefined {
  if (text === undefined || text.length > MAX_VALUE_LENGTH) return undefined;
  return /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(text) ? text : undefined;
}

/** RFC 7239 §4: `for=1.2.3.4;proto=https;host="example.com:8080"`. A member that is not all right says nothing. */
function readForwarded(member: string): Report {
  const found = new Map<string, string>();
  for (const pair of member.split(";")) {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, Math.max(equals, 0)).trim().toLowerCase();
    const value = pair.slice(equals + 1).trim();
    const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
    const text = isQuoted ? value.slice(1, -1) : value;
    // No address, scheme or host needs an escape; RFC 7239 §4: each parameter at most once.
    if (name === "" || text === "" || text.includes('"') || text.includes("\\") || found.has(name)) return NOTHING;
    found.set(name, text);
  }
  return { from: readEndpoint(found.get("for") ?? ""), scheme: readScheme(found.get("proto")), host: readHost(found.get("host")) };
}

function* reports(lines: readonly string[], read: (member: string) => Report): Generator<Report> {
  for (const member of membersFromRight(lines)) yield read(member);
}

/** From the peer to the left, as long as the one who reports is trusted. What the last one said is about the client. */
function walk(peer: Endpoint, told: Iterable<Report>, trusts: Trust): Report {
  let ip: string | undefined = peer.ip;
  let hop = 0;
  let last = NOTHING;
  for (const report of told) {
    // One that hides the address leaves what was known: the nearest sender that has one.
    last = { ...report, from: report.from ?? last.from };
    ip = report.from?.ip;
    hop++;
    if (!trusts(ip, hop)) break;
  }
  return last;
}

/** Two headers that disagree were not both written by a proxy: then neither is believed. */
function agreed<T>(one: T | undefined, other: T | undefined, same: (a: T, b: T) => boolean): T | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return same(one, other) ? one : undefined;
}

/**
 * Turns the option into one closure that finds the client of a request. It never throws, reads each header once, and
 * reads lists from the right: what a client wrote itself stands on the left of what the first trusted proxy added.
 * @throws TypeError or RangeError for what is neither a number of proxies nor a list of addresses.
 */
export function compileTrustProxy(trust: TrustProxy | undefined): (req: IncomingMessage) => Client {
  if (trust === undefined) return directClient;
  const trusts = compileTrust(trust);
  return (req) => {
    const peer = directClient(req);
    const peerIp = isIP(peer.ip) === 0 ? undefined : foldAddress(peer.ip);
    if (!trusts(peerIp, 0)) return peer;
    const { rawHeaders } = req;
    const byList = walk(
      peer,
      reports(rawHeaderValues(rawHeaders, "x-forwarded-for"), (member) => ({ ...NOTHING, from: readEndpoint(member) })),
      trusts,
    );
    const forwarded = walk(peer, reports(rawHeaderValues(rawHeaders, "forwarded"), readForwarded), trusts);
    // These have one value. Of several, the last is the nearest proxy's.
    const [proto] = membersFromRight(rawHeaderValues(rawHeaders, "x-forwarded-proto"));
    const [host] = membersFromRight(rawHeaderValues(rawHeaders, "x-forwarded-host"));
    const from = agreed(byList.from, forwarded.from, (a, b) => a.ip === b.ip) ?? peer;
    return {
      ip: from.ip,
      port: from.port,
      scheme: agreed(readScheme(proto), forwarded.scheme, (a, b) => a === b) ?? peer.scheme,
      host: agreed(readHost(host), forwarded.host, (a, b) => a.toLowerCase() === b.toLowerCase()),
    };
  };
}
