import type { Server, Socket } from "node:net";
import { loopbackWarnedKey } from "../base/cross-copy.ts";
import { browserName, browserPort, isAddress, readHostPort } from "./host-port.ts";

/** What the rule looks at. */
export interface HostSubject {
  /** The Host header, or what a trusted proxy says that it was. */
  readonly host: string;
  /** `undefined` when it is not known. */
  readonly scheme: "http" | "https" | undefined;
}

type HostTest = (name: string, port: string | undefined, scheme: HostSubject["scheme"]) => boolean;

const RIGHT = `write "app.example.com", "*.example.com", "localhost:3000", "127.0.0.1" or "[::1]"`;

function wrong(entry: unknown, why: string): TypeError {
  return new TypeError(`allowedHosts: ${JSON.stringify(entry) ?? String(entry)} ${why}; ${RIGHT}`);
}

function compileEntry(entry: unknown): HostTest {
  if (typeof entry !== "string") throw wrong(entry, "is no text");
  // An IPv6 address has its own colons.
  const parts = /^(\*\.)?(\[[^\]]*\]|[^:]+)(?::(.*))?$/.exec(/^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(entry) ? `[${entry}]` : entry);
  const [, wildcard, text = "", givenPort] = parts ?? [];
  const name = browserName(text);
  if (/[:/]\/|\//.test(entry)) throw wrong(entry, "is an address of a page, not a host");
  if (name === undefined) throw wrong(entry, "is no host that a browser can ask for");
  const port = givenPort === undefined ? undefined : browserPort(givenPort);
  if (givenPort !== undefined && port === undefined) throw wrong(entry, "has no port from 1 to 65535");
  if (wildcard !== undefined && isAddress(name)) throw wrong(entry, "is an address, and no name is below it");
  const below = `.${name}`;
  return (askedName, askedPort, scheme) => {
    if (wildcard === undefined ? askedName !== name : !askedName.endsWith(below)) return false;
    if (port === undefined || port === askedPort) return true;
    // The Host header leaves out the default port of its scheme.
    return askedPort === undefined && ((port === "80" && scheme !== "https") || (port === "443" && scheme !== "http"));
  };
}

/**
 * Turns the option into one closure. It must hold before the origin is asked: a page whose name was made to lead to this
 * server (DNS rebinding) sends an Origin and a Host that agree.
 * @throws TypeError for what is no list of hosts.
 */
export function compileAllowedHosts(hosts: readonly string[]): (subject: HostSubject) => boolean {
  if (!Array.isArray(hosts) || hosts.length === 0) {
    throw new TypeError(`allowedHosts: ${JSON.stringify(hosts) ?? String(hosts)} is no list of hosts; ${RIGHT} in a list, or leave it out`);
  }
  const tests = hosts.map(compileEntry);
  return ({ host, scheme }) => {
    const asked = readHostPort(host);
    return asked !== undefined && tests.some((test) => test(asked.name, asked.port, scheme));
  };
}

interface Listening {
  address?: Server["address"];
  [loopbackWarnedKey]?: boolean;
}

/** What to write when a server that listens on the loopback interface alone was not told its names; `undefined` otherwise. */
export function loopbackWarning(address: ReturnType<Server["address"]>): string | undefined {
  // A Unix socket has a path.
  if (address === null || typeof address === "string" || !/^(?:127\.|::1$|::ffff:127\.)/.test(address.address)) return undefined;
  return (
    `upwire: this server listens on ${address.address} only, which keeps no web page away: by DNS rebinding, one of any site can reach it. ` +
    `Name its hosts, allowedHosts: ["localhost", "127.0.0.1", "[::1]"], or, if a proxy is in front of it, set trustProxy`
  );
}

/** For test helpers, which make a server listen on the loopback interface, wherever it listens otherwise: the warning is not written for it. */
export function skipLoopbackWarning(server: object): void {
  (server as Listening)[loopbackWarnedKey] = true;
}

/** Writes the warning once per server. For a route that allows all hosts. */
export function warnOfLoopback(socket: Socket): void {
  const { server } = socket as Socket & { readonly server?: Listening };
  if (server === undefined || server[loopbackWarnedKey] === true) return;
  server[loopbackWarnedKey] = true;
  const text = loopbackWarning(server.address?.() ?? null);
  if (text !== undefined) process.emitWarning(text, { type: "UpwireWarning", code: "UPWIRE_ALLOWED_HOSTS" });
}
