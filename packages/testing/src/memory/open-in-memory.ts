import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Connection, ConnectionHandler, Upgrader } from "@upwire/core";
import { memoryTransport, type MemoryTransportOptions } from "./memory-transport.ts";
import type { TransportPeer } from "./transport-peer.ts";

export interface MemoryRequest {
  /** @default "/" */
  readonly url?: string;
  /** Beside those of a handshake; `undefined` takes one away. Names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** The client's address. @default "192.0.2.1" */
  readonly remoteAddress?: string;
}

export interface OpenedInMemory<Context> {
  readonly connection: Connection<Context>;
  readonly peer: TransportPeer;
}

const HANDSHAKE = {
  host: "localhost",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
};

/** A handshake that came over no socket. */
export function memoryRequest({ url = "/", headers = {}, remoteAddress = "192.0.2.1" }: MemoryRequest = {}): IncomingMessage {
  // As one of a server that listens on no address.
  const socket = Object.defineProperties(new Socket(), { remoteAddress: { value: remoteAddress }, remotePort: { value: 1 }, server: { value: undefined } });
  const req = new IncomingMessage(socket);
  req.method = "GET";
  req.url = url;
  req.httpVersion = "1.1";
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  for (const [name, value] of Object.entries({ ...HANDSHAKE, ...headers })) {
    if (value === undefined) continue;
    req.headers[name] = value;
    req.rawHeaders.push(name, value);
  }
  return req;
}

/**
 * Opens a connection in memory: no server, no port, no socket. The request goes through every check of `upgrader`.
 * @throws Error with the code of the refusal, when it is refused.
 */
export async function openInMemory<Context, Native>(
  upgrader: Upgrader<Context, Native>,
  handler?: ConnectionHandler<Context, never>,
  options: MemoryRequest & MemoryTransportOptions = {},
): Promise<OpenedInMemory<Context>> {
  const approval = await upgrader.decide(memoryRequest(options));
  if (!approval.ok) throw new Error(`The handshake was refused: ${approval.code}`);
  const { transport, peer } = memoryTransport(options);
  return { connection: upgrader.open(transport, { ...approval, deflate: undefined }, handler), peer };
}
