import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { attach, Upgrader, type Attachment } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { FakeClock } from "../helpers/fake-clock.ts";

interface Beside {
  readonly attachment: Attachment;
  readonly clock: FakeClock;
  readonly client: WireClient;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The other library has it. */
  readonly socket: Socket;
}

/** One handshake that waits in the application, on a server where another library listens for upgrades too. */
async function beside(): Promise<Beside> {
  const clock = new FakeClock();
  const server = createServer();
  const attachment = attach(server, { clock, handshakeTimeoutMs: 3000 });
  const other = once(
    server.on("upgrade", () => {}),
    "upgrade",
  ) as Promise<[IncomingMessage, Socket]>;
  const asked = once(server, "request") as Promise<[IncomingMessage, ServerResponse]>;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = await WireClient.open({ port: (server.address() as AddressInfo).port });
  const [[, socket], [req, res]] = await Promise.all([other, asked]);
  onTestFinished(() => {
    socket.destroy();
    client.reset();
    server.close();
  });
  return { attachment, clock, client, req, res, socket };
}

/** As a library that was busy does: it answers later, and has a WebSocket. */
async function takeLate({ client, req, socket }: Beside): Promise<void> {
  const accept = createHash("sha1").update(`${req.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  expect((await client.answered).status).toBe(101);
}

/** The other library's WebSocket is as it was. */
async function isWhole({ client, socket }: Beside): Promise<void> {
  socket.write(Buffer.from([0x82, 2, 1, 2]));
  expect([...(await client.nextMessage()).bytes]).toEqual([1, 2]);
  expect([socket.destroyed, client.violations]).toEqual([false, []]);
}

describe("a handshake that another library takes late", () => {
  it("is refused to a route of ours as taken, and no byte of an answer goes out", async () => {
    const both = await beside();
    const told: string[] = [];
    const upgrader = new Upgrader({ onReject: ({ code }) => void told.push(code) });
    await takeLate(both);
    expect(await upgrader.upgrade(both.req, both.res, {})).toBe(undefined);
    expect(told).toEqual(["ERR_TAKEN"]);
    await isWhole(both);
  });

  it("goes on at our deadline, and when we close", async () => {
    const both = await beside();
    await takeLate(both);
    both.clock.advance(60_000);
    const closed = both.attachment.close({ graceMs: 500 });
    both.clock.advance(500);
    await closed;
    await isWhole(both);
  });

  it("goes on when we close before our next look", async () => {
    const both = await beside();
    await takeLate(both);
    const closed = both.attachment.close({ graceMs: 500 });
    both.clock.advance(500);
    await closed;
    await isWhole(both);
  });
});

it("ends with us a handshake that no other library has taken", async () => {
  const { attachment, clock, client } = await beside();
  const closed = attachment.close({ graceMs: 500 });
  clock.advance(500);
  await closed;
  expect(await client.closed).toMatchObject({ code: 1006 });
});
