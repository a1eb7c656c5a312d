import { createServer } from "node:http";
import { Duplex } from "node:stream";
import { attach, websocket, type AttachOptions, Upgrader } from "@upwire/core";
import { accept, check, handOverTo } from "@upwire/core/adapter";
import { expect, it } from "vitest";
import { WebSocketServer } from "ws";

const HEAD =
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
const PING = Buffer.from([0x89, 0x81, 0, 0, 0, 0, 0x70]);
const CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

/** A stream that is no socket: what the server writes comes out as text, and `send` is what it reads. */
class Tunnel extends Duplex {
  received = "";
  #changed: () => void = () => {};

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.received += chunk.toString("latin1");
    this.#changed();
    done();
  }

  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) await new Promise<void>((changed) => (this.#changed = changed));
  }
}

const handler = { open(): void {} };
const route = websocket(handler);
const pluginOptions = (): AttachOptions => {
  const upgrader = new Upgrader();
  const wss = new WebSocketServer({ noServer: true });
  const handOver = handOverTo(async (req, socket, head) => {
    if ((await check(upgrader, req)).ok) wss.handleUpgrade(req, socket, head, (ws) => void accept(upgrader, ws, req, handler));
    else socket.end("HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  return { handOver };
};

it.each(["a route", "a plugin"])("speaks WebSocket on a stream that is no socket (%s)", async (way) => {
  const server = createServer((req, res) => void route(req, res));
  const attachment = attach(server, way === "a plugin" ? pluginOptions() : {});
  const tunnel = new Tunnel();
  server.emit("connection", tunnel);
  tunnel.push(`${HEAD}\r\n`);
  await tunnel.until("\r\n\r\n");
  tunnel.push(PING);
  await tunnel.until("\x8a\x01p");
  expect([tunnel.received.startsWith("HTTP/1.1 101"), attachment.count]).toEqual([true, 1]);
  const closed = new Promise((resolve) => tunnel.once("close", resolve));
  tunnel.push(CLOSE);
  tunnel.push(null);
  await closed;
  expect(attachment.count).toBe(0);
});

it.each(["a route", "a plugin"])("refuses on such a stream, and ends it (%s)", async (way) => {
  const server = createServer((req, res) => void route(req, res));
  attach(server, way === "a plugin" ? pluginOptions() : {});
  const tunnel = new Tunnel();
  const closed = new Promise((resolve) => tunnel.once("close", resolve));
  server.emit("connection", tunnel);
  tunnel.push(`${HEAD.replace("13", "12")}\r\n`);
  await closed;
  expect(tunnel.received).toMatch(/^HTTP\/1\.1 426/);
});
