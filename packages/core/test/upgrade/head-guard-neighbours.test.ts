import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, Socket, type AddressInfo, type Server as NetServer } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { attach } from "@upwire/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeCertificate } from "../../../../apps/tools/certificate.mjs";
import { HeadGuard } from "../../src/upgrade/head-guard.ts";
import { FakeClock } from "../helpers/fake-clock.ts";

const PAGE = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

/** What another library does with the sockets of the server. */
const neighbours: Readonly<Record<string, (socket: Socket) => void>> = {
  "listens for the end": (socket) => void socket.on("end", () => {}),
  "listens for the end once": (socket) => void socket.once("end", () => {}).once("data", () => {}),
  "listens for the end until the first data": (socket) => {
    const onEnd = (): void => {};
    socket.on("end", onEnd).once("resume", () => void socket.off("end", onEnd));
    setImmediate(() => socket.off("end", onEnd));
  },
  "listens first for everything": (socket) => {
    for (const event of ["end", "error", "close", "timeout"]) socket.prependListener(event, () => {});
  },
};

const moments: Readonly<Record<string, (server: Server, listener: (socket: Socket) => void, attachNow: () => void) => void>> = {
  "before attach": (server, listener, attachNow) => {
    server.on("connection", listener);
    attachNow();
  },
  "after attach": (server, listener, attachNow) => {
    attachNow();
    server.on("connection", listener);
  },
  "in front of Node": (server, listener, attachNow) => {
    attachNow();
    server.prependListener("connection", listener);
  },
};

const combinations = Object.keys(neighbours).flatMap((what) => Object.keys(moments).map((when) => ({ what, when })));

interface Guarded {
  readonly clock: FakeClock;
  readonly server: Server;
  readonly port: number;
}

async function listen(server: NetServer): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function guard(what: string, when: string): Promise<Guarded> {
  const clock = new FakeClock();
  const server = createServer((_req, res) => void res.end("page"));
  moments[when]?.(server, neighbours[what] ?? (() => {}), () => void attach(server, { clock }));
  return { clock, server, port: await listen(server) };
}

interface Client {
  readonly socket: Socket;
  readonly peer: Socket;
  readonly received: () => string;
}

async function client(server: NetServer, port: number, text: string): Promise<Client> {
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let received = "";
  socket
    .on("error", () => {})
    .setEncoding("latin1")
    .on("data", (more: string) => (received += more));
  const [peer] = await accepted;
  socket.write(text);
  while (peer.bytesRead < text.length) await turn();
  return { socket, peer, received: () => received };
}

describe.each(combinations)("a neighbour that $what, from $when on", ({ what, when }) => {
  it("keeps no slow head from its end", async () => {
    const { clock, server, port } = await guard(what, when);
    const { socket, received } = await client(server, port, "GET / HTTP/1.1\r\nHo");
    const closed = once(socket, "close");
    clock.advance(10_000);
    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("brings nothing of ours into a CONNECT tunnel", async () => {
    const { clock, server, port } = await guard(what, when);
    server.on("connect", (_req, socket) => void socket.on("data", (data: Buffer) => socket.write(data)));
    const tunnel = once(server, "connect");
    const { socket, peer, received } = await client(server, port, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await tunnel;
    clock.advance(60_000);
    const echoed = once(socket, "data");
    socket.write("through");
    await echoed;
    expect(received()).toBe("through");
    peer.destroy();
  });

  it("brings nothing of ours into a WebSocket of its own", async () => {
    const { clock, server, port } = await guard(what, when);
    server.removeAllListeners("upgrade");
    server.on("upgrade", (_req, socket) => void socket.write(SWITCHED));
    const { socket, peer, received } = await client(server, port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    while (received() !== SWITCHED) await once(socket, "data");
    clock.advance(60_000);
    await turn();
    expect([peer.writable, received()]).toEqual([true, SWITCHED]);
    peer.destroy();
  });
});

it("ends a silent one and not a tunnel when there are too many", async () => {
  const server = createServer();
  attach(server, { clock: new FakeClock(), maxPendingHandshakes: 2 });
  server.on("connect", () => {});
  const port = await listen(server);
  const tunnel = await client(server, port, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
  const silent = await client(server, port, "");
  const next = await client(server, port, "");
  expect([tunnel.peer.writable, silent.peer.writable, next.peer.writable]).toEqual([true, true, true]);
  const closed = once(silent.socket, "close");
  await client(server, port, "");
  await closed;
  expect([tunnel.peer.writable, next.peer.writable]).toEqual([true, true]);
  tunnel.peer.destroy();
});

it("counts a connection once that is announced twice", () => {
  const server = createServer().removeAllListeners("connection");
  const heads = new HeadGuard(server, { clock: new FakeClock(), timeoutMs: 1000, max: 10 });
  const socket = new Socket();
  server.emit("connection", socket);
  server.emit("connection", socket);
  expect([heads.count, socket.listenerCount("close")]).toEqual([1, 1]);
  heads.detach();
  expect([heads.count, socket.listenerCount("close")]).toEqual([0, 0]);
});

it.each(["http", "https"])("leaves the listeners of %s as they were when it is detached, and its connections alone", async (kind) => {
  const clock = new FakeClock();
  const server: Server =
    kind === "http"
      ? createServer((_req, res) => void res.end("page"))
      : createHttpsServer(await makeCertificate("localhost"), (_req, res) => void res.end("page"));
  const listeners = (): unknown[] => server.eventNames().map((event) => [event, server.listeners(event as string)]);
  const before = listeners();
  const heads = new HeadGuard(server, { clock, timeoutMs: 1000, max: 10 });
  expect(listeners()).not.toEqual(before);
  const port = await listen(server);
  const socket = kind === "http" ? connect(port, "127.0.0.1") : connectTls({ port, rejectUnauthorized: false });
  onTestFinished(() => void socket.destroy());
  await once(server, kind === "http" ? "connection" : "secureConnection");
  expect(heads.count).toBe(1);
  heads.detach();
  expect([heads.count, clock.pending]).toEqual([0, 0]);
  clock.advance(5000);
  const answer = once(socket, "data");
  socket.write(PAGE);
  expect(String(await answer)).toMatch(/^HTTP\/1\.1 200 /);
  const ours = [["connection", "secureConnection"].map((event) => server.listenerCount(event))];
  expect(ours).toEqual([[1, kind === "http" ? 0 : 1]]);
});
