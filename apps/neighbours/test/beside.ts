import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { websocket, type ConnectionHandler } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { expect, onTestFinished } from "vitest";
import { FakeClock } from "../../../packages/core/test/helpers/fake-clock.ts";

export const echo: ConnectionHandler = { message: (connection, message) => void connection.send(`ours: ${message.text()}`) };

/** Time for a handshake, by the fake clock. */
export const HANDSHAKE_MS = 10_000;

/** Listens on a port of its own; ends with the test, together with everything that is open on it. */
export async function listen(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A server with our route at `/ours`; everything else goes to `others`, or is 404. */
export function serverWithOurs(others: RequestListener = (_req, res) => void res.writeHead(404).end("no such page")): Server {
  const ours = websocket(echo);
  return createServer((req, res) => {
    if (req.url === "/ours") void ours(req, res);
    else others(req, res);
  });
}

/** A handshake at `path` whose answer came; what the server sends is judged frame by frame. */
export async function handshake(port: number, path: string, protocol?: string): Promise<WireClient> {
  const client = await WireClient.connect({ port, path, ...(protocol === undefined ? {} : { headers: { "Sec-WebSocket-Protocol": protocol } }) });
  onTestFinished(() => {
    client.socket.destroy();
    expect(client.violations).toEqual([]);
  });
  return client;
}

/** Shows that our route works beside the other library. */
export async function expectOurs(port: number): Promise<void> {
  const client = await handshake(port, "/ours");
  expect(client.status).toBe(101);
  client.sendText("hello");
  expect((await client.nextMessage()).text).toBe("ours: hello");
}

/** Lets every deadline of a handshake pass, and what is then written arrive. */
export async function passDeadline(clock: FakeClock): Promise<void> {
  await setImmediate();
  clock.advance(HANDSHAKE_MS * 2);
  await setImmediate();
}

export function fakeClock(): FakeClock {
  return new FakeClock();
}
