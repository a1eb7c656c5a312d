import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { Upgrader, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { accept } from "@upwire/core/adapter";
import { openInMemory, type OpenTransport, type TransportPeer } from "@upwire/testing";
import { expect, onTestFinished } from "vitest";
import { WebSocketServer } from "ws";
import { FakeClock } from "./fake-clock.ts";
import { FakeSocket } from "./fake-socket.ts";
import { SocketPeer } from "./socket-peer.ts";
import { openSocket, read } from "./wire-clients.ts";

export interface Client {
  readonly connection: Connection;
  readonly upgrader: Upgrader;
  readonly peer: TransportPeer;
}

const HANDSHAKE =
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/** Ways for a connection to its client. The other end is ours in each. */
export const transports: Readonly<Record<string, OpenTransport>> = {
  async "our transport"(upgrader, handler) {
    const { connection, socket } = await openSocket(upgrader, undefined, handler, new FakeSocket(16 * 1024));
    return { connection, peer: new SocketPeer(socket) };
  },
  /** Of a server that is not ours, on a socket that is. */
  async "an adopted ws"(upgrader, handler) {
    const server = createServer();
    const webSockets = new WebSocketServer({ noServer: true });
    const accepting = new Promise<Connection | undefined>((resolve) => {
      server.on("upgrade", (req, socket, head) => webSockets.handleUpgrade(req, socket, head, (ws) => resolve(accept(upgrader, ws, req, handler))));
    });
    const socket = new FakeSocket(16 * 1024);
    server.emit("connection", socket);
    socket.receive(HANDSHAKE);
    const connection = await accepting;
    if (connection === undefined) throw new Error("the ws was not accepted");
    await setImmediate();
    socket.written.length = 0;
    return { connection, peer: new SocketPeer(socket) };
  },
  memory: (upgrader, handler) => openInMemory(upgrader, handler),
};

/** Those whose other end is a socket: for tests that take long. */
export const socketTransports: readonly string[] = Object.keys(transports).filter((name) => name !== "memory");

/** A client on a transport that takes bytes when a test says so. Its time stands still, and it never pings, unless `options` say so. */
export async function openClient(transport: string, options: UpgraderOptions, handler: ConnectionHandler = {}): Promise<Client> {
  const open = transports[transport] ?? expect.fail("no such transport");
  const upgrader = new Upgrader({ clock: new FakeClock(), writeTimeoutMs: 600_000, pingIntervalMs: 0, ...options });
  const { connection, peer } = await open(upgrader, handler);
  onTestFinished(() => peer.destroy());
  return { connection, peer, upgrader };
}

/** The client reads. @returns all messages that it was sent, in their order, and `close` for a close frame. */
export async function readAll({ connection, peer }: Client): Promise<string[]> {
  peer.isTaking = true;
  for (let turn = 0; turn < 5 || (connection.bufferedBytes > 0 && turn < 100_000); turn++) {
    peer.release();
    await setImmediate();
  }
  return read({ socket: peer, extensions: "" });
}
