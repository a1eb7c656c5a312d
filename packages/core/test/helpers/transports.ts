import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { Upgrader, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { expect, onTestFinished } from "vitest";
import { WebSocketServer } from "ws";
import { FakeClock } from "./fake-clock.ts";
import { FakeSocket } from "./fake-socket.ts";
import { openSocket, read } from "./wire-clients.ts";

export interface Client {
  readonly connection: Connection;
  readonly upgrader: Upgrader;
  readonly socket: FakeSocket;
}

type Open = (upgrader: Upgrader, handler: ConnectionHandler) => Promise<Pick<Client, "connection" | "socket">>;

const HANDSHAKE =
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/** Ways for a connection to its client. The socket is ours in each. */
export const transports: Readonly<Record<string, Open>> = {
  "our transport": (upgrader, handler) => openSocket(upgrader, undefined, handler, new FakeSocket(16 * 1024)),
  /** Of a server that is not ours, on a socket that is. */
  async "an adopted ws"(upgrader, handler) {
    const server = createServer();
    const webSockets = new WebSocketServer({ noServer: true });
    const accepting = new Promise<Connection | undefined>((resolve) => {
      server.on("upgrade", (req, socket, head) => webSockets.handleUpgrade(req, socket, head, (ws) => resolve(upgrader.accept(ws, req, handler))));
    });
    const socket = new FakeSocket(16 * 1024);
    server.emit("connection", socket);
    socket.receive(HANDSHAKE);
    const connection = await accepting;
    if (connection === undefined) throw new Error("the ws was not accepted");
    await setImmediate();
    socket.written.length = 0;
    return { connection, socket };
  },
};

/** A client on a socket that takes bytes when a test says so. Its time stands still, and it never pings, unless `options` say so. */
export async function openClient(transport: string, options: UpgraderOptions, handler: ConnectionHandler = {}): Promise<Client> {
  const open = transports[transport] ?? expect.fail("no such transport");
  const upgrader = new Upgrader({ clock: new FakeClock(), writeTimeoutMs: 600_000, pingIntervalMs: 0, ...options });
  const { connection, socket } = await open(upgrader, handler);
  onTestFinished(() => void socket.destroy());
  return { connection, socket, upgrader };
}

/** The client reads. @returns all messages that it was sent, in their order, and `close` for a close frame. */
export async function readAll({ connection, socket }: Client): Promise<string[]> {
  socket.isTaking = true;
  for (let turn = 0; turn < 5 || (connection.bufferedBytes > 0 && turn < 100_000); turn++) {
    socket.release();
    await setImmediate();
  }
  return read({ socket, extensions: "" });
}
