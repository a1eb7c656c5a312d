import type { IncomingMessage } from "node:http";
import { isIPv6, SocketAddress, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** One end of a connection. The port is `undefined` where a proxy did not tell it. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number | undefined;
}

/** What is known about the client of a request. */
export interface Client extends Endpoint {
  /** The scheme that the client used; `undefined` when a proxy may have ended TLS before us. */
  readonly scheme: "http" | "https" | undefined;
  /** The host that the client asked for, where a trusted proxy told it; `undefined` means the Host header. */
  readonly host: string | undefined;
}

/** One spelling for each address: IPv6 in its short form, IPv4 never in its mapped form. Only for what `isIP` accepts. */
export function foldAddress(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const { address } = new SocketAddress({ address: ip, family: "ipv6" });
  return /^::ffff:\d+\./.test(address) ? address.slice(7) : address;
}

/** The client by the socket alone; no header is believed. */
export function directClient(req: IncomingMessage): Client {
  const { remoteAddress = "unknown", remotePort = 0, encrypted } = req.socket as Socket & Partial<Pick<TLSSocket, "encrypted">>;
  return {
    ip: remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress,
    port: remotePort,
    scheme: encrypted === true ? "https" : undefined,
    host: undefined,
  };
}

/** `ip:port` as Go prints it, IPv6 in brackets; the bare address when the port is not known. */
export function printAddress({ ip, port }: Endpoint): string {
  if (port === undefined) return ip;
  return `${ip.includes(":") ? `[${ip}]` : ip}:${port}`;
}

/** Every value of a header as it stood on the wire: Node's own `headers` drop or join doubled ones. */
export function rawHeaderValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const given = rawHeaders[i] ?? "";
    if (given.length === name.length && given.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? "");
  }
  return values;
}
