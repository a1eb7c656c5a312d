import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { attach, createHub, refuse, Upgrader, type Attachment, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { accept, answerThroughPlugin, check, handOverTo, type Refusal } from "@upwire/core/adapter";
import { Opcode, rawRequest, WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocketServer, WebSocket, type ServerOptions } from "ws";
import { FakeClock } from "../helpers/fake-clock.ts";
import { jsonMessages } from "../helpers/json-messages.ts";
import { closing, nextMessage, nextTexts } from "../helpers/served.ts";

const MIB = 1024 * 1024;
const echo: ConnectionHandler = { message: (connection, message) => void connection.send(message) };

interface Plugin {
  readonly wss: WebSocketServer;
  readonly attachment: Attachment;
  readonly port: number;
  readonly server: Server;
  /** The plugin's `ws` of the next client on `/own`. */
  readonly nextOwn: () => Promise<WebSocket>;
  /** The connection of the next client on `/ours`. */
  readonly nextOurs: () => Promise<Connection | undefined>;
  readonly client: (path: string) => Promise<WebSocket>;
}

interface PluginInit {
  readonly handler?: ConnectionHandler;
  readonly options?: UpgraderOptions;
  readonly server?: ServerOptions;
  readonly clock?: FakeClock;
  /** Runs with the `ws` of `/ours`, in place of `accept`. */
  readonly opened?: (ws: WebSocket) => void;
  /** Answers `/ours` after it was approved. */
  readonly answers?: (socket: Duplex) => void;
}

/** The least plugin there can be: `/ours` is a route of upwire, everything else an echo of its own. */
async function plugin({ handler = echo, options = {}, server: serverOptions, clock, opened, answers }: PluginInit = {}): Promise<Plugin> {
  const wss = new WebSocketServer({ noServer: true, maxPayload: 64 * MIB, ...serverOptions });
  const upgrader = new Upgrader(options);
  const owns: ((ws: WebSocket) => void)[] = [];
  const ours: ((connection: Connection | undefined) => void)[] = [];
  answerThroughPlugin(wss);
  const server = createServer();
  const attachment = attach(server, {
    ...(clock && { clock }),
    handOver: handOverTo(async (req, socket, head) => {
      const isOurs = req.url === "/ours";
      if (isOurs && !(await check(upgrader, req)).ok) return void socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
      if (isOurs && answers !== undefined) return answers(socket);
      wss.handleUpgrade(req, socket, head, (ws) => {
        wss.emit("connection", ws, req);
        if (isOurs && opened !== undefined) return opened(ws);
        if (isOurs || req.url === "/unchecked") return void accept(upgrader, ws, req, handler).then((connection) => ours.shift()?.(connection));
        ws.on("error", () => {});
        ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
        owns.shift()?.(ws);
      });
    }),
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const client of wss.clients) client.terminate();
    await attachment.close({ graceMs: 100 });
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    wss,
    attachment,
    port,
    server,
    nextOwn: () => new Promise((resolve) => owns.push(resolve)),
    nextOurs: () => new Promise((resolve) => ours.push(resolve)),
    client: async (path) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { maxPayload: 64 * MIB });
      client.on("error", () => {});
      await once(client, "open");
      return client;
    },
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((next) => setImmediate(next));
}

const HANDSHAKE =
  "HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
const masked = (text: string): Buffer => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

describe("a route of the plugin's own", () => {
  it("echoes small and large messages, and what came with the handshake", async () => {
    const { port, client } = await plugin();
    const early = await WireClient.connect({ port, path: "/own", early: Buffer.concat([masked("a"), masked("b")]) });
    expect([(await early.nextMessage()).text, (await early.nextMessage()).text]).toEqual(["a", "b"]);
    early.socket.destroy();
    const own = await client("/own");
    for (const size of [0, 1, 125, 126, 65_536, 20 * MIB]) {
      const sent = Buffer.alloc(size, "0123456789abcdef");
      const got = nextMessage(own);
      own.send(sent);
      const { bytes, isBinary } = await got;
      expect([size, bytes.equals(sent), isBinary]).toEqual([size, true, true]);
    }
  });

  it("holds the client back while it is paused, and loses nothing", async () => {
    const { nextOwn, client } = await plugin();
    const opened = nextOwn();
    const own = await client("/own");
    const ws = await opened;
    ws.pause();
    const sent = Buffer.alloc(MIB, "x");
    const acknowledged: number[] = [];
    for (let i = 0; i < 48; i++) own.send(sent, () => acknowledged.push(i));
    // More than the buffers of two kernels take: the last one stays here.
    await until(() => acknowledged.length > 0 || own.bufferedAmount > 0);
    let bytes = 0;
    const all = new Promise<void>((resolve) => {
      own.on("message", (data) => {
        bytes += (data as Buffer).byteLength;
        if (bytes === 48 * MIB) resolve();
      });
    });
    for (let turn = 0; turn < 200; turn++) await new Promise((next) => setImmediate(next));
    expect([acknowledged.includes(47), bytes]).toEqual([false, 0]);
    ws.resume();
    await all;
  });

  it("sees that its client does not read", async () => {
    const { nextOwn, client } = await plugin();
    const opened = nextOwn();
    const own = await client("/own");
    const ws = await opened;
    own.pause();
    let isWritten = false;
    for (let i = 0; i < 47; i++) ws.send(Buffer.alloc(MIB));
    const written = new Promise<void>((resolve) => {
      ws.send(Buffer.alloc(MIB), () => {
        isWritten = true;
        resolve();
      });
    });
    for (let turn = 0; turn < 200; turn++) await new Promise((next) => setImmediate(next));
    expect([isWritten, ws.bufferedAmount > MIB]).toEqual([false, true]);
    own.resume();
    await written;
    expect(ws.bufferedAmount).toBe(0);
  });

  it("closes from either side, with code and reason", async () => {
    const { nextOwn, client, wss } = await plugin();
    let opened = nextOwn();
    const first = await client("/own");
    let ws = await opened;
    let seen = [closing(first), closing(ws)];
    ws.close(4001, "by the server");
    expect(await Promise.all(seen)).toEqual(Array.from({ length: 2 }, () => ({ code: 4001, reason: "by the server" })));
    opened = nextOwn();
    const second = await client("/own");
    ws = await opened;
    seen = [closing(second), closing(ws)];
    second.close(4002, "by the client");
    expect(await Promise.all(seen)).toEqual(Array.from({ length: 2 }, () => ({ code: 4002, reason: "by the client" })));
    expect(wss.clients.size).toBe(0);
  });

  it.each(["terminates", "is reset", "sees the client end"])("ends for both when it %s", async (how) => {
    const { nextOwn, port, wss } = await plugin();
    const opened = nextOwn();
    const client = await WireClient.connect({ port, path: "/own" });
    const ws = await opened;
    const seen = closing(ws);
    if (how === "terminates") ws.terminate();
    else if (how === "is reset") client.reset();
    else client.socket.end();
    expect([(await seen).code, (await client.closed).code, wss.clients.size]).toEqual([1006, 1006, 0]);
  });

  it("has the subprotocol that the plugin picks, and the first one where it does not pick", async () => {
    const subprotocol = async ({ port }: Plugin, path: string): Promise<string> => {
      const client = await WireClient.connect({ port, path, headers: { "Sec-WebSocket-Protocol": "one, , two" } });
      return (await client.answered).header("sec-websocket-protocol") ?? "none";
    };
    const last = { handleProtocols: (offered: Set<string>): string | false => [...offered].at(-1) ?? false };
    const options = { subprotocols: ["two"] };
    const [picking, plain, none] = [await plugin({ server: last, options }), await plugin(), await plugin({ server: { handleProtocols: () => false } })];
    expect(await Promise.all([subprotocol(picking, "/own"), subprotocol(plain, "/own"), subprotocol(none, "/own")])).toEqual(["two", "one", "none"]);
    // To a route of ours the plugin's choice is nothing.
    expect(await Promise.all([subprotocol(picking, "/ours"), subprotocol(plain, "/ours"), subprotocol(none, "/ours")])).toEqual(["two", "none", "none"]);
  });

  it("keeps the plugin's compression and limits", async () => {
    const { client } = await plugin({ server: { perMessageDeflate: { threshold: 0 }, maxPayload: 1000 }, options: { compression: true } });
    const own = await client("/own");
    expect(own.extensions).toBe("permessage-deflate");
    const closed = closing(own);
    own.send("x".repeat(1001));
    expect((await closed).code).toBe(1009);
  });
});

describe("a route of ours behind a plugin", () => {
  it("leaves nothing with the plugin", async () => {
    const { wss, nextOurs, client } = await plugin();
    const shells: WebSocket[] = [];
    wss.on("connection", (ws) => void shells.push(ws));
    const opened = nextOurs();
    const ours = await client("/ours");
    const connection = await opened;
    await until(() => shells[0]?.readyState === WebSocket.CLOSED);
    const failed = new Promise<Error | undefined>((resolve) => shells[0]?.send("into the void", resolve));
    expect([(await failed)?.message, wss.clients.size, connection?.state]).toEqual([expect.stringContaining("not open"), 0, "open"]);
    const got = nextMessage(ours);
    ours.send("still here");
    expect((await got).text).toBe("still here");
  });

  it("gets every early frame, in order, behind what a listener of the plugin sent", async () => {
    let decide = (): void => {};
    const asked = new Promise<void>((resolve) => {
      decide = resolve;
    });
    const { wss, port } = await plugin({ options: { authorize: () => asked } });
    wss.on("connection", (ws) => ws.send("welcome"));
    const texts = Array.from({ length: 20 }, (_, i) => `m${i}`);
    const client = await WireClient.open({ port, path: "/ours", early: Buffer.concat(texts.slice(0, 10).map(masked)) });
    for (const text of texts.slice(10)) client.sendText(text);
    decide();
    await client.answered;
    const got: string[] = [];
    for (let i = 0; i <= texts.length; i++) got.push((await client.nextMessage()).text);
    expect(got).toEqual(["welcome", ...texts]);
    client.socket.destroy();
  });

  it.each([true, false])("has compression of its own (%s), whatever the plugin's is", async (compression) => {
    const { port } = await plugin({ server: { perMessageDeflate: { threshold: 0 } }, options: { compression: compression && { thresholdBytes: 16 } } });
    const headers = { "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=10" };
    const client = await WireClient.connect({ port, path: "/ours", headers });
    const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10";
    expect(client.answer.header("sec-websocket-extensions")).toBe(compression ? agreed : undefined);
    client.sendText("z".repeat(1000));
    expect(await client.nextMessage()).toMatchObject({ text: "z".repeat(1000), wasCompressed: compression });
    client.socket.destroy();
  });

  it("shares a history with its clients", async () => {
    const { client, nextOurs } = await plugin({ server: { perMessageDeflate: { threshold: 0 } }, options: { compression: { sharedHistory: true } } });
    const hub = createHub();
    const messages = jsonMessages(100);
    const clients: Promise<string[]>[] = [];
    for (let i = 0; i < 3; i++) {
      const opened = nextOurs();
      const one = await client("/ours");
      expect(one.extensions).toBe("permessage-deflate");
      clients.push(nextTexts(one, messages.length + 1));
      const connection = await opened;
      if (connection !== undefined) hub.add(connection);
    }
    for (const message of messages.slice(0, 50)) hub.broadcast(message);
    for (const connection of hub) connection.send("alone");
    for (const message of messages.slice(50)) hub.broadcast(message);
    for (const texts of clients) expect(await texts).toEqual([...messages.slice(0, 50), "alone", ...messages.slice(50)]);
  });

  it("asks what the plugin asks: verifyClient still decides", async () => {
    const { port, attachment } = await plugin({ server: { verifyClient: () => false } });
    const client = await WireClient.connect({ port, path: "/ours" });
    await client.closed;
    expect([client.status, attachment.count]).toEqual([401, 0]);
  });

  it("answers each ping of a short burst", async () => {
    const { port } = await plugin();
    const client = await WireClient.connect({ port, path: "/ours" });
    const ping = (letter: string): Buffer => Buffer.from([0x89, 0x81, 0, 0, 0, 0, letter.charCodeAt(0)]);
    client.sendRaw(Buffer.concat([ping("a"), ping("b"), ping("c")]));
    for (const expected of ["a", "b", "c"]) {
      const { opcode, payload } = await client.nextFrame();
      expect([opcode, payload.toString()]).toEqual([Opcode.pong, expected]);
    }
    client.socket.destroy();
  });

  it("closes its 100 clients with 1001, and a client's reset ends its connection", async () => {
    const { attachment, client, wss } = await plugin();
    const clients = await Promise.all(Array.from({ length: 100 }, () => client("/ours")));
    await until(() => attachment.count === 100);
    const codes = clients.map(closing);
    clients[0]?.terminate();
    await until(() => attachment.count === 99);
    await attachment.close();
    expect((await Promise.all(codes)).slice(1)).toEqual(Array.from({ length: 99 }, () => ({ code: 1001, reason: "going away" })));
    expect([attachment.count, wss.clients.size]).toEqual([0, 0]);
  });

  it("keeps no socket of a refused client that had sent more and left", async () => {
    let decide = (_refusal: Refusal): void => {};
    const asked = new Promise<Refusal>((resolve) => {
      decide = resolve;
    });
    const { port, server } = await plugin({ options: { authorize: () => asked } });
    const arrived = once(server, "upgrade") as Promise<[IncomingMessage, Socket]>;
    const client = await WireClient.open({ port, path: "/ours" });
    const [, socket] = await arrived;
    client.sendText("nobody reads this");
    await until(() => socket.readableLength > 0);
    const gone = once(socket, "close");
    decide(refuse(403));
    await Promise.all([client.closed, gone]);
    expect(client.status).toBe(403);
  });

  it("survives a reset while it decides", async () => {
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    let decide = (): void => {};
    const { port, wss, server, attachment, client, nextOurs } = await plugin({
      options: {
        authorize: () => {
          asked();
          return new Promise<void>((resolve) => {
            decide = resolve;
          });
        },
      },
    });
    const connected = once(server, "connection");
    const gone = await WireClient.open({ port, path: "/ours" });
    const [socket] = (await connected) as [Socket];
    await isAsked;
    const reset = new Promise((resolve) => socket.once("close", resolve));
    gone.reset();
    await reset;
    const ours = nextOurs();
    decide();
    // The plugin gets to the end of its handshake all the same: `@hono/node-ws` would wait for that for ever.
    expect(await ours).toBeUndefined();
    await client("/own");
    expect([wss.clients.size, attachment.count]).toEqual([1, 0]);
  });

  it("lets the plugin answer something else after all, to the last byte", async () => {
    const page = Buffer.alloc(8 * MIB, "page");
    const { port } = await plugin({
      answers: (socket) => {
        socket.write("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
        socket.write(page, () => socket.destroy());
      },
    });
    const answer = await rawRequest(port, `GET /ours ${HANDSHAKE}`);
    expect([answer.startsWith("HTTP/1.1 503"), answer.endsWith("page"), answer.length > page.byteLength]).toEqual([true, true, true]);
  });

  it("is destroyed at the deadline when an approved request is never accepted", async () => {
    const clock = new FakeClock();
    let opened = (_ws: WebSocket): void => {};
    const seen = new Promise<WebSocket>((resolve) => {
      opened = resolve;
    });
    const { port } = await plugin({ clock, options: { handshakeTimeoutMs: 3000 }, opened: (ws) => opened(ws) });
    const client = await WireClient.connect({ port, path: "/ours" });
    expect(client.status).toBe(101);
    const shell = closing(await seen);
    clock.advance(3000);
    expect([(await client.closed).code, (await shell).code]).toEqual([1006, 1006]);
  });

  it("sends a late yes nowhere after 408", async () => {
    const clock = new FakeClock();
    let decide = (): void => {};
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const authorize = (): Promise<void> => {
      asked();
      return new Promise((resolve) => {
        decide = resolve;
      });
    };
    const { port, wss, attachment, client } = await plugin({ clock, options: { handshakeTimeoutMs: 3000, authorize } });
    const late = await WireClient.open({ port, path: "/ours" });
    await isAsked;
    clock.advance(3000);
    expect((await late.answered).status).toBe(408);
    decide();
    await client("/own");
    expect([wss.clients.size, attachment.count]).toEqual([1, 0]);
  });

  it("leaves a ws alone that was closed before it came to accept", async () => {
    const { wss, port } = await plugin();
    wss.on("connection", (ws) => ws.close(4000, "full"));
    const client = await WireClient.connect({ port, path: "/ours" });
    expect(await client.closed).toMatchObject({ code: 4000, reason: "full" });
    expect(client.violations).toEqual([]);
  });

  it("reads through the plugin's ws where nobody checked before the 101", async () => {
    const { wss, nextOurs, client } = await plugin({ server: { perMessageDeflate: { threshold: 0 } }, options: { compression: true } });
    const opened = nextOurs();
    const adopted = await client("/unchecked");
    expect(adopted.extensions).toBe("permessage-deflate");
    const got = nextMessage(adopted);
    adopted.send("hi");
    expect([(await got).text, (await opened)?.state, wss.clients.size]).toEqual(["hi", "open", 1]);
  });
});

it("leaves no socket, no ws and no timer behind 300 clients that reset", async () => {
  const { port, wss, attachment, client } = await plugin();
  const one = async (i: number): Promise<void> => {
    const raw = connect(port, "127.0.0.1");
    raw.on("error", () => {});
    raw.write(`GET ${i % 3 === 0 ? "/own" : "/ours"} ${HANDSHAKE}`);
    // Some wait for the 101, some send a message, some do not wait at all.
    if (i % 4 !== 0) await once(raw, "data");
    if (i % 4 === 2) raw.write(masked("x"));
    raw.resetAndDestroy();
  };
  const resources = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "Timeout").length;
  await client("/own").then((first) => first.terminate());
  await until(() => wss.clients.size === 0);
  const before = resources();
  for (let i = 0; i < 300; i += 30) await Promise.all(Array.from({ length: 30 }, (_, n) => one(i + n)));
  await until(() => wss.clients.size === 0 && attachment.count === 0 && resources() <= before);
  expect(attachment.count).toBe(0);
});
