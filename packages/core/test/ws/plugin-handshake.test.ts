import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { attach, Upgrader, type Attachment } from "@upwire/core";
import { check, handOverTo } from "@upwire/core/adapter";
import { WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { FakeClock } from "../helpers/fake-clock.ts";

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ";

interface Arrived {
  readonly req: IncomingMessage;
  /** What the plugin has in place of the socket. */
  readonly stand: Duplex;
  /** The real socket, which the other library has. */
  readonly socket: Socket;
}

interface Beside {
  readonly server: Server;
  readonly attachment: Attachment;
  readonly clock: FakeClock;
  readonly port: number;
  readonly client: WireClient;
  readonly arrived: Arrived;
}

/** One handshake on a server where a plugin got it through `attach`, and another library listens for upgrades too. */
async function beside(): Promise<Beside> {
  const clock = new FakeClock();
  const server = createServer();
  const stands: ((stand: Duplex) => void)[] = [];
  const attachment = attach(server, { clock, handshakeTimeoutMs: 3000, handOver: handOverTo((_req, stand) => stands.shift()?.(stand)) });
  const other = once(
    server.on("upgrade", () => {}),
    "upgrade",
  ) as Promise<[IncomingMessage, Socket]>;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const handed = new Promise<Duplex>((resolve) => stands.push(resolve));
  const client = await WireClient.open({ port });
  const [[req, socket], stand] = await Promise.all([other, handed]);
  onTestFinished(() => {
    socket.destroy();
    client.reset();
    server.close();
  });
  return { server, attachment, clock, port, client, arrived: { req, stand, socket } };
}

/** As a library that was busy does: it answers later, and has a WebSocket. */
async function takeLate({ client, arrived: { req, socket } }: Beside): Promise<void> {
  const { createHash } = await import("node:crypto");
  const accept = createHash("sha1").update(`${req.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`${SWITCHING}${accept}\r\n\r\n`);
  expect((await client.answered).status).toBe(101);
}

/** The other library's WebSocket is as it was. */
async function isWhole({ client, arrived: { socket } }: Beside): Promise<void> {
  socket.write(Buffer.from([0x82, 2, 1, 2]));
  expect([...(await client.nextMessage()).bytes]).toEqual([1, 2]);
  expect([socket.destroyed, client.violations]).toEqual([false, []]);
}

describe("a handshake of a plugin that another library takes late", () => {
  it("is over for the plugin at the next look, and goes on for the other", async () => {
    const both = await beside();
    const { clock, arrived } = both;
    await takeLate(both);
    const over = once(arrived.stand, "close");
    clock.advance(1000);
    await over;
    clock.advance(60_000);
    await isWhole(both);
  });

  it("is refused to a route of ours as taken, and no byte of the plugin's answer goes out", async () => {
    const both = await beside();
    const { arrived } = both;
    const told: string[] = [];
    const upgrader = new Upgrader({ onReject: ({ code }) => void told.push(code) });
    arrived.stand.write("HTTP/1.1 404 Not Found\r\n\r\n");
    await takeLate(both);
    expect(await check(upgrader, arrived.req)).toMatchObject({ ok: false, code: "ERR_TAKEN" });
    arrived.stand.write("more");
    expect([told, arrived.stand.destroyed]).toEqual([["ERR_TAKEN"], true]);
    await isWhole(both);
  });

  it("goes on when we close", async () => {
    const both = await beside();
    await takeLate(both);
    const over = once(both.arrived.stand, "close");
    const closed = both.attachment.close({ graceMs: 500 });
    both.clock.advance(500);
    await Promise.all([closed, over]);
    await isWhole(both);
  });
});

describe("a handshake of a plugin that no other library takes", () => {
  it("ends when we close", async () => {
    const { attachment, clock, client } = await beside();
    const closed = attachment.close({ graceMs: 500 });
    clock.advance(500);
    await closed;
    expect(await client.closed).toMatchObject({ code: 1006 });
  });

  it("gets the plugin's answer at its deadline, whole and to its end", async () => {
    const { clock, client, arrived } = await beside();
    arrived.stand.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnone");
    for (let passed = 0; passed < 3000; passed += 1000) clock.advance(1000);
    expect(await client.answered).toMatchObject({ status: 404, body: "none" });
    await client.closed;
  });

  it("is read by the plugin from its 101 on, and what it asked for before is there", async () => {
    const { client, arrived } = await beside();
    const read = once(arrived.stand, "data") as Promise<[Buffer]>;
    arrived.stand.write(`${SWITCHING}x\r\n\r\n`);
    client.sendRaw("hello");
    expect((await read)[0].toString()).toBe("hello");
  });
});

it("tells the plugin whose socket it has, and passes its settings on", async () => {
  const server = createServer();
  const seen = new Promise<Socket>((resolve) => {
    attach(server, { handOver: handOverTo((_req, stand) => resolve(stand as Socket)) });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const connected = once(server, "connection") as Promise<[Socket]>;
  const client = await WireClient.open({ port: (server.address() as AddressInfo).port });
  const [[socket], stand] = await Promise.all([connected, seen]);
  expect([stand.remoteAddress, stand.remotePort]).toEqual([socket.remoteAddress, socket.remotePort]);
  expect(stand.setKeepAlive(true, 1000).setNoDelay(true)).toBe(stand);
  stand.setTimeout(20, () => stand.destroy());
  await client.closed;
  expect(socket.destroyed).toBe(true);
});
