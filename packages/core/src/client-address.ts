import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";

/** `ip:port` of the peer as Go prints it; IPv6 in brackets, IPv4 never in its mapped form. */
export function peerAddress(req: IncomingMessage): string {
  const { remoteAddress = "unknown", remotePort = 0 } = req.socket;
  const ip = remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
  return ip.includes(":") ? `[${ip}]:${remotePort}` : `${ip}:${remotePort}`;
}

/** Did this request come over a TLS socket of our own? */
export function isSecure(req: IncomingMessage): boolean {
  return (req.socket as Partial<TLSSocket>).encrypted === true;
}

/** Every value of a header as it stood on the wire: Node's own `headers` drop or join doubled ones. */
export function rawHeaderValues(req: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]?.toLowerCase() === name) values.push(req.rawHeaders[i + 1] ?? "");
  }
  return values;
}
