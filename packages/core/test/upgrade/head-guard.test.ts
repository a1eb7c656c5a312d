import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { connect, type Server as NetServer, type AddressInfo, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { setImmediate as turn } from "node:timers/promises";
import { attach, Upgrader, type Attachment, type AttachOptions } from "@upwire/core";
import { accept, answerThroughPlugin, check, handOverTo } from "@upwire/core/adapter";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { makeCertificate } from "../../../../apps/tools/certificate.mjs";
import { FakeClock } from "../helpers/fake-clock.ts";
import { open, serve } from "../helpers/served.ts";

const PAGE = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HANDSHAKE =
  "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/** A client that notes what comes. */
class Client {
  readonly socket: Socket;
  /** The server's side. */
  readonly peer: Socket;
  received = "";
  readonly #news = new EventEmitter();

  constructor(socket: Socket, peer: Socket) {
    this.socket = socket;
    this.peer = peer;
    socket.on("error", () => {});
    socket.on("close", () => this.#news.emit("close"));
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.received += text;
      this.#news.emit("data");
    });
    onTestFinished(() => void socket.destroy());
  }

  /** Sends, and waits until the server has read it. */
  async send(text: string): Promise<void> {
    const before = this.peer.bytesRead;
    this.socket.write(text);
    while (this.peer.bytesRead < before + text.length) await turn();
  }

  async got(what: string): Promise<void> {
    while (!this.received.includes(what)) await once(this.#news, "data");
  }

  /** All that came. */
  async closed(): Promise<string> {
    if (!this.socket.closed) await once(this.#news, "close");
    return this.received;
  }
}

interface Guarded {
  readonly server: Server;
  readonly clock: FakeClock;
  readonly attachment: Attachment;
  readonly connect: () => Promise<Client>;
}

async function listen(server: NetServer): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function guard(listener: RequestListener = (_req, res) => void res.end("page"), options: AttachOptions = {}): Promise<Guarded> {
  const clock = new FakeClock();
  const server = createServer(listener);
  const attachment = attach(server, { clock, ...options });
  const port = await listen(server);
  const connectOne = async (): Promise<Client> => {
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const socket = connect(port, "127.0.0.1");
    const [peer] = await accepted;
    return new Client(socket, peer);
  };
  return { server, clock, attachment, connect: connectOne };
}

/** What is published on `upwire:dropped` during the test. */
function drops(): unknown[] {
  const dropped: unknown[] = [];
  const note = (message: unknown): void => void dropped.push(message);
  subscribe("upwire:dropped", note);
  onTestFinished(() => void unsubscribe("upwire:dropped", note));
  return dropped;
}

describe("a first request head that does not come", () => {
  it("ends the connection: silently without a byte, else with 408", async () => {
    const dropped = drops();
    const { clock, connect: client } = await guard();
    const [silent, half, many] = [await client(), await client(), await client()];
    await half.send("GET / HT");
    await many.send("GET / HTTP/1.1\r\nHost: a\r\n");
    clock.advance(9000);
    await many.send("X-A: 1\r\n");
    clock.advance(999);
    expect([silent, half, many].map(({ peer }) => peer.writable)).toEqual([true, true, true]);
    clock.advance(1);
    expect(await silent.closed()).toBe("");
    for (const one of [half, many])
      expect(await one.closed()).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n[^]*connection: close\r\n[^]*\r\n\r\nThe handshake took too long\.\n$/);
    expect(dropped).toEqual(Array.from({ length: 3 }, () => ({ code: "ERR_HANDSHAKE_TIMEOUT", remoteAddress: "127.0.0.1" })));
  });

  it("counts for each connection from its own beginning, with one timer for all", async () => {
    const { clock, connect: client } = await guard(undefined, { headTimeoutMs: 1000 });
    const first = await client();
    clock.advance(600);
    const second = await client();
    expect(clock.pending).toBe(1);
    clock.advance(400);
    await first.closed();
    expect(second.peer.writable).toBe(true);
    clock.advance(600);
    await second.closed();
    expect(clock.pending).toBe(0);
  });

  it("ends many, but a hundred at a time", async () => {
    const { clock, connect: client } = await guard();
    const clients: Client[] = [];
    for (let i = 0; i < 250; i++) clients.push(await client());
    const ended: number[] = [];
    const after = clock.after.bind(clock);
    clock.after = (ms, run) => {
      ended.push(clients.filter(({ peer }) => peer.destroyed).length);
      return after(ms, run);
    };
    clock.advance(10_000);
    expect(ended).toEqual([100, 200]);
    await Promise.all(clients.map((one) => one.closed()));
    expect(clock.pending).toBe(0);
  });

  it("is no matter of ours with headTimeoutMs 0", async () => {
    const { clock, connect: client } = await guard(undefined, { headTimeoutMs: 0 });
    const one = await client();
    clock.advance(1_000_000);
    await one.send(PAGE);
    await one.got("page");
  });

  it.each([-1, 1.5, Number.NaN, Infinity])("%d is refused as headTimeoutMs and maxPendingHandshakes", (value) => {
    expect(() => attach(createServer(), { headTimeoutMs: value })).toThrow(RangeError);
    expect(() => attach(createServer(), { maxPendingHandshakes: value })).toThrow(RangeError);
  });

  it("ends in time too when the connection was the only one for long", async () => {
    const { clock, connect: client } = await guard();
    const good = await client();
    await good.send(PAGE);
    await good.got("page");
    clock.advance(1_000_000);
    const slow = await client();
    clock.advance(10_000);
    expect(await slow.closed()).toBe("");
  });

  it("is not waited for any more when the client has left", async () => {
    const dropped = drops();
    const { clock, connect: client } = await guard();
    const gone = await client();
    const closed = new Promise((resolve) => gone.peer.once("close", resolve));
    gone.socket.resetAndDestroy();
    await closed;
    clock.advance(10_000);
    expect([clock.pending, dropped]).toEqual([0, []]);
  });
});

describe("ordinary requests keep their time", () => {
  it("idle, and slow with the head of a second request", async () => {
    const { clock, connect: client } = await guard();
    const one = await client();
    await one.send(PAGE);
    await one.got("page");
    await one.send("GET / HTTP/1.1\r\n");
    clock.advance(60_000);
    one.received = "";
    await one.send("Host: a\r\n\r\n");
    await one.got("page");
  });

  it("slow with a body", async () => {
    const { server, clock, connect: client } = await guard((req, res) => void req.resume().on("end", () => res.end("all there")));
    const one = await client();
    const begun = once(server, "request");
    await one.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
    await begun;
    clock.advance(60_000);
    await one.send("b");
    await one.got("all there");
  });

  it("slow to be answered, also where nobody answers and where a body is only offered", async () => {
    const { server, clock, connect: client } = await guard(() => {});
    const [poll, offer] = [await client(), await client()];
    await poll.send(PAGE);
    await offer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    await offer.got("100 Continue");
    clock.advance(60_000);
    expect([poll, offer].map(({ peer }) => peer.writable)).toEqual([true, true]);
    server.closeAllConnections();
  });

  it("when a library has put itself in front of all request listeners", async () => {
    const { server, clock, connect: client } = await guard();
    // As Engine.IO does.
    server.removeAllListeners("request");
    server.on("request", (_req, res) => void setImmediate(() => res.end("polled")));
    const one = await client();
    await one.send(PAGE);
    await one.got("polled");
    clock.advance(60_000);
    expect(one.peer.writable).toBe(true);
  });

  it("after CONNECT, which is nobody's but the listener's", async () => {
    const { server, clock, connect: client } = await guard();
    server.on("connect", (_req, socket) => void socket.end("tunnel", () => socket.destroy()));
    server.prependListener("connect", (_req, socket) => void socket.once("data", () => {}));
    const one = await client();
    const tunnel = once(server, "connect");
    await one.send("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await tunnel;
    await one.closed();
    expect(one.received).toBe("tunnel");
    const held = await client();
    server.removeAllListeners("connect");
    server.on("connect", () => {});
    const taken = once(server, "connect");
    await held.send("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await taken;
    clock.advance(60_000);
    expect(held.peer.writable).toBe(true);
    held.peer.destroy();
  });

  it("after an upgrade by a library that took our listener away", async () => {
    const { server, clock } = await guard();
    server.removeAllListeners("upgrade");
    const wss = new WebSocketServer({ server });
    const { port } = server.address() as AddressInfo;
    const client = await open(port);
    clock.advance(60_000);
    const ping = once(client, "ping");
    for (const ws of wss.clients) ws.ping();
    await ping;
    client.terminate();
  });

  it("on streams that are no sockets", async () => {
    const { server, clock } = await guard();
    const stream = new PassThrough();
    server.emit("connection", stream);
    clock.advance(60_000);
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });
});

describe("over TLS", () => {
  const secure = async (): Promise<{ readonly server: Server; readonly port: number; readonly clock: FakeClock }> => {
    const clock = new FakeClock();
    const server = createHttpsServer(await makeCertificate("localhost"), (_req, res) => void res.end("page"));
    attach(server, { clock });
    return { server, port: await listen(server), clock };
  };
  const secured = async (server: Server, socket: TLSSocket): Promise<Client> => {
    const [peer] = (await once(server, "secureConnection")) as [Socket];
    return new Client(socket, peer);
  };

  it("the TLS handshake is part of the time, and a late head gets its 408 encrypted", async () => {
    const { server, port, clock } = await secure();
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const bare = connect(port, "127.0.0.1");
    const half = new Client(bare, (await accepted)[0]);
    await half.send("\x16\x03\x01");
    const silent = await secured(server, connectTls({ port, rejectUnauthorized: false }));
    const begun = await secured(server, connectTls({ port, rejectUnauthorized: false }));
    const good = await secured(server, connectTls({ port, rejectUnauthorized: false }));
    await begun.send("GET / H");
    await good.send(PAGE);
    await good.got("page");
    clock.advance(10_000);
    expect([await half.closed(), await silent.closed()]).toEqual(["", ""]);
    expect(await begun.closed()).toMatch(/^HTTP\/1\.1 408 /);
    expect(good.peer.writable).toBe(true);
    good.socket.end();
  });

  it("does not begin anew when the TLS handshake is done", async () => {
    const { server, port, clock } = await secure();
    const accepted = once(server, "connection");
    const tcp = connect(port, "127.0.0.1");
    await accepted;
    clock.advance(9000);
    const slow = await secured(server, connectTls({ socket: tcp, rejectUnauthorized: false }));
    clock.advance(1000);
    await slow.closed();
  });

  it("HTTP/2 sessions are left alone", async () => {
    const dropped = drops();
    const clock = new FakeClock();
    const server = createSecureServer({ ...(await makeCertificate("localhost")), allowHTTP1: true });
    attach(server, { clock });
    const port = await listen(server);
    const isSecure = once(server, "secureConnection") as Promise<[Socket]>;
    const socket = connectTls({ port, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
    const [peer] = await isSecure;
    clock.advance(60_000);
    expect([peer.writable, dropped]).toEqual([true, []]);
    socket.destroy();
  });
});

describe("a cap on handshakes under way", () => {
  it("ends the oldest connection without a head for each one more", async () => {
    const dropped = drops();
    const { connect: client } = await guard(undefined, { maxPendingHandshakes: 2 });
    const [silent, half] = [await client(), await client()];
    await half.send("GET /");
    const good = await client();
    expect(await silent.closed()).toBe("");
    await good.send(PAGE);
    await good.got("page");
    const [next, last] = [await client(), await client()];
    expect(await half.closed()).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 5\r\n/);
    expect([good, next, last].map(({ peer }) => peer.writable)).toEqual([true, true, true]);
    expect(dropped).toMatchObject([{ code: "ERR_TOO_MANY_HANDSHAKES" }, { code: "ERR_TOO_MANY_HANDSHAKES" }]);
  });

  it("refuses more upgrade requests with 503 and Retry-After, until one is decided", async () => {
    const answers: ((context: object) => void)[] = [];
    const asked = new EventEmitter();
    const authorize = (): Promise<object> =>
      new Promise((resolve) => {
        answers.push(resolve);
        asked.emit("asked");
      });
    const { port } = await serve(undefined, { authorize }, { maxPendingHandshakes: 1 });
    const isAsked = once(asked, "asked");
    const first = open(port);
    await isAsked;
    const second = new WebSocket(`ws://127.0.0.1:${port}/`);
    second.on("error", () => {});
    const [, refused] = (await once(second, "unexpected-response")) as [unknown, IncomingMessage];
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([503, "5"]);
    refused.resume();
    await once(refused, "close");
    answers[0]?.({});
    await first;
    const isAskedAgain = once(asked, "asked");
    const third = open(port);
    await isAskedAgain;
    answers[1]?.({});
    await third;
  });

  it("does not count what a plugin has answered", async () => {
    const upgrader = new Upgrader();
    const wss = new WebSocketServer({ noServer: true });
    answerThroughPlugin(wss);
    const server = createServer();
    attach(server, {
      maxPendingHandshakes: 1,
      handOver: handOverTo(async (req, socket, head) => {
        if (req.url === "/") await check(upgrader, req);
        wss.handleUpgrade(req, socket, head, (ws) => req.url === "/" && void accept(upgrader, ws, req, {}));
      }),
    });
    const port = await listen(server);
    onTestFinished(() => {
      for (const ws of wss.clients) ws.terminate();
    });
    for (let i = 0; i < 3; i++) await open(port);
    // Routes of the plugin that are none of ours.
    const own = new WebSocket(`ws://127.0.0.1:${port}/own`);
    await once(own, "open");
    await open(port);
  });
});

describe("a client that ends its side while the application decides", () => {
  it.each(["a route", "a plugin"])("has left, and frees its slot (%s)", async (kind) => {
    const asked = new EventEmitter();
    let count = 0;
    const authorize = (): Promise<object> | object => {
      asked.emit("asked");
      return ++count === 1 ? new Promise<object>(() => {}) : {};
    };
    const upgrader = new Upgrader({ authorize, maxConnections: 1 });
    const server = createServer((req, res) => void upgrader.upgrade(req, res));
    const attachment = attach(
      server,
      kind === "a plugin"
        ? { handOver: handOverTo(async (req, socket) => void ((await check(upgrader, req)).ok && socket.end("HTTP/1.1 418 No\r\n\r\n"))) }
        : {},
    );
    const port = await listen(server);
    onTestFinished(() => attachment.close({ graceMs: 100 }));
    const isAsked = once(asked, "asked");
    const upgraded = once(server, "upgrade") as Promise<[IncomingMessage, Socket]>;
    const leaving = connect(port, "127.0.0.1");
    leaving.write(HANDSHAKE);
    const [, peer] = await upgraded;
    await isAsked;
    const closed = once(peer, "close");
    leaving.end();
    await closed;
    const next = once(asked, "asked");
    const good = new WebSocket(`ws://127.0.0.1:${port}/`);
    good.on("error", () => {});
    // It would be refused before it is asked.
    await next;
    good.terminate();
  });
});
