import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { acceptKey } from "../src/accept-key.ts";
import { catalogue } from "../src/catalogue.ts";
import { RATE_PUBLISHERS, type Figures, type Workload } from "../src/driver/job.ts";
import { isForGoClients, runGoClients } from "../src/go-clients.ts";
import { buildGoClients } from "../src/go-programs.ts";
import type { Load } from "../src/rows/row.ts";

const whyNot = process.platform === "linux" ? buildGoClients() : "Linux only";
if (whyNot !== undefined) console.warn(`The clients in Go are not tested: ${whyNot}.`);

const ECHO: Workload = { kind: "closed", groups: 3, publishersPerGroup: 1, inFlight: 8 };
const CONNECT: Workload = { kind: "connect", before: 10 };
const ALL_READ: Workload = { kind: "rate", perSecond: 2000, stopped: 0 };
const TWO_STOP: Workload = { kind: "rate", perSecond: 2000, stopped: 2 };
/** The one more never sends. */
const CLIENTS: Readonly<Record<Workload["kind"], number>> = { closed: 3, connect: 100, rate: RATE_PUBLISHERS + 1, idle: 0, heap: 0, resume: 0 };

interface Target {
  readonly protocol?: "websocket" | "socket.io";
  readonly clients?: number;
  readonly payloadBytes?: number;
}

function drive(port: number, workload: Workload, target: Target = {}): Promise<Figures> {
  const { protocol = "websocket", clients = CLIENTS[workload.kind], payloadBytes = 200 } = target;
  const times = { warmUpMs: 20, windowMs: 30 };
  return runGoClients({ port, pid: process.pid, protocol, deflate: false, clients, payloadBytes, workload, ...times }, { driver: undefined });
}

async function driveRow(name: string, mode: Load["mode"], workload: Workload, target: Target = {}): Promise<Figures> {
  const { row } = (await catalogue[name]?.load?.()) ?? {};
  const port = (await row?.start({ mode, deflate: false })) ?? 0;
  return drive(port, workload, { protocol: catalogue[name]?.protocol === "socket.io" ? "socket.io" : "websocket", ...target });
}

const servers: (Server | TcpServer | WebSocketServer)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function portOf(server: Server | TcpServer | WebSocketServer): Promise<number> {
  servers.push(server);
  if (!(server instanceof WebSocketServer)) server.listen({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

type Fault = (send: (text: string) => void, text: string, count: number) => void;
const LOSES: Fault = (send, text, count) => void (count === 5 || send(text));
const DOUBLES: Fault = (send, text, count) => {
  send(text);
  if (count === 5) send(text);
};
const CHANGES: Fault = (send, text, count) => send(count === 5 ? text.replace(/.$/, "#") : text);
const SHORTENS: Fault = (send) => send("short");

describe("the clients in Go", () => {
  it("are for what those in Node are too slow for, without compression", () => {
    const load = { mode: "broadcast", deflate: false } as const;
    expect([CONNECT, TWO_STOP, ALL_READ, ECHO].map((workload) => isForGoClients({ load, workload }))).toEqual([true, true, false, false]);
    expect(isForGoClients({ load: { mode: "echo", deflate: false }, workload: ECHO })).toBe(true);
    expect(isForGoClients({ load: { mode: "echo", deflate: true }, workload: ECHO })).toBe(false);
  });
});

describe.runIf(whyNot === undefined)("the clients in Go, echo", () => {
  it.each(["upwire", "ws", "raw-net", "socketio"])("get everything back from %s, in order", async (name) => {
    const figures = await driveRow(name, "echo", ECHO);
    expect(figures).toMatchObject({ lost: 0, disorders: 0, closed: 0 });
    expect(figures.perSecond).toBeGreaterThan(0);
    expect(figures.p99Ms).toBeGreaterThanOrEqual(figures.p50Ms ?? Infinity);
  });

  it("wait until the server takes what they have", async () => {
    // More than the buffers of two sockets hold.
    const workload: Workload = { ...ECHO, inFlight: 200 };
    expect(await driveRow("ws", "echo", workload, { payloadBytes: 65_000 })).toMatchObject({ lost: 0, disorders: 0, closed: 0 });
  });

  /** What each client sends comes back to it, with a fault. */
  async function echoing(fault: Fault): Promise<number> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (ws) => {
      let count = 0;
      ws.on("message", (data: Buffer) => fault((text) => ws.send(text), data.toString(), ++count));
    });
    return portOf(server);
  }

  it.each([
    ["what is missing", LOSES, { lost: 3, disorders: 3, closed: 0 }],
    ["what comes twice", DOUBLES, { lost: 0, disorders: 3, closed: 0 }],
    ["a changed byte", CHANGES, { lost: 3, disorders: 6, closed: 0 }],
  ])("see %s", async (_what, fault, found) => {
    expect(await drive(await echoing(fault), ECHO)).toMatchObject(found);
  });

  it("refuse what is no message of theirs", async () => {
    await expect(drive(await echoing(SHORTENS), ECHO)).rejects.toThrow("no message of ours");
  });
});

describe.runIf(whyNot === undefined)("the clients in Go, connect", () => {
  it.each(["upwire", "ws", "raw-net", "express-alone", "socketio"])("open connections to %s", async (name) => {
    const figures = await driveRow(name, "idle", CONNECT);
    expect(figures).toMatchObject({ lost: 0, disorders: 0, closed: 0 });
    expect(figures.perSecond).toBeGreaterThan(0);
    expect(figures.driverShare).toBeGreaterThan(0);
  });

  /** Answers every upgrade request by hand. */
  function answering(answer: (socket: Socket, key: string) => void): Promise<number> {
    const server = createServer();
    server.on("upgrade", (req, socket: Socket) => {
      socket.on("error", () => socket.destroy());
      answer(socket, req.headers["sec-websocket-key"] ?? "");
    });
    return portOf(server);
  }
  const head101 = (key: string, more = ""): string =>
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nsec-websocket-accept: ${acceptKey(key)}\r\n${more}\r\n`;

  it.each<[string, (socket: Socket, key: string) => void, string]>([
    ["refuses", (socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"), "answered with HTTP/1.1 403 Forbidden"],
    ["proves nothing", (socket) => socket.write(head101("another key")), "Sec-WebSocket-Accept is wrong"],
    ["takes an extension", (socket, key) => socket.write(head101(key, "Sec-WebSocket-Extensions: permessage-deflate\r\n")), "not offered"],
    ["ends the connection", (socket) => socket.end(), "the server ended TCP"],
    ["resets the connection", (socket) => socket.resetAndDestroy(), "connection reset"],
  ])("fail when the server %s", async (_what, answer, why) => {
    await expect(drive(await answering(answer), CONNECT)).rejects.toThrow(why);
  });

  it("fail when nobody listens", async () => {
    const server = createTcpServer();
    const port = await portOf(server);
    server.close();
    await once(server, "close");
    await expect(drive(port, CONNECT)).rejects.toThrow("connection refused");
  });

  it("fail when the server closes one while others open", async () => {
    let count = 0;
    const port = await answering((socket, key) => {
      // The others are not answered: this close is the next thing that happens.
      if (++count === 1) socket.write(Buffer.concat([Buffer.from(head101(key)), Buffer.from([0x88, 2, 0x03, 0xe9])]));
    });
    await expect(drive(port, CONNECT)).rejects.toThrow("the server closed with 1001");
  });

  it("read an answer that comes in pieces", async () => {
    const port = await answering((socket, key) => {
      const head = head101(key);
      socket.write(head.slice(0, 40));
      setImmediate(() => socket.write(head.slice(40)));
    });
    expect(await drive(port, CONNECT)).toMatchObject({ closed: 0 });
  });

  it("keep all connections until the end, and reset them then", async () => {
    const resets: Promise<unknown>[] = [];
    let most = 0;
    let count = 0;
    const port = await answering((socket, key) => {
      most = Math.max(most, ++count);
      resets.push(once(socket, "error").then(([error]) => (error as NodeJS.ErrnoException).code));
      socket
        .on("close", () => void count--)
        .resume()
        .write(head101(key));
    });
    await drive(port, CONNECT);
    expect(most).toBe(CLIENTS.connect);
    expect(new Set(await Promise.all(resets))).toEqual(new Set(["ECONNRESET"]));
  });
});

describe.runIf(whyNot === undefined)("the clients in Go, rate", () => {
  it.each(["upwire", "ws", "raw-net", "socketio"])("get everything from %s, in order", async (name) => {
    const figures = await driveRow(name, "broadcast", TWO_STOP, { clients: RATE_PUBLISHERS + 2 });
    expect(figures).toMatchObject({ lost: 0, disorders: 0, closed: 0, stoppedClosed: 0 });
    expect(figures.perSecond).toBeGreaterThan(0);
    expect(figures.perRead).toBeGreaterThan(0);
    expect(figures.rssGrowthMb).toBeTypeOf("number");
    expect(figures.p999Ms).toBeGreaterThanOrEqual(figures.p99Ms ?? Infinity);
    expect(figures.p99Ms).toBeGreaterThanOrEqual(figures.p50Ms ?? Infinity);
  });

  /** What any client sends goes to all, with a fault. `onAllSent` is called once, when every publisher has sent. */
  async function broadcasting(fault: Fault, onAllSent: (silent: WebSocket[]) => void = () => {}): Promise<number> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    const senders = new Set<WebSocket>();
    let count = 0;
    server.on("connection", (ws) => {
      ws.on("error", () => ws.terminate());
      ws.on("message", (data: Buffer) => {
        count++;
        fault((text) => server.clients.forEach((client) => client.send(text)), data.toString(), count);
        if (senders.has(ws)) return;
        senders.add(ws);
        if (senders.size === RATE_PUBLISHERS) onAllSent([...server.clients].filter((client) => !senders.has(client)));
      });
    });
    return portOf(server);
  }
  const NONE: Fault = (send, text) => send(text);
  const READERS = CLIENTS.rate;

  it.each([
    ["what is missing", LOSES, { lost: READERS, disorders: READERS, closed: 0 }],
    ["what comes twice", DOUBLES, { lost: 0, disorders: READERS, closed: 0 }],
    ["a changed byte", CHANGES, { lost: READERS, disorders: 2 * READERS, closed: 0 }],
  ])("see %s", async (_what, fault, found) => {
    expect(await drive(await broadcasting(fault), ALL_READ)).toMatchObject(found);
  });

  it("refuse what is no message of theirs", async () => {
    await expect(drive(await broadcasting(SHORTENS), ALL_READ)).rejects.toThrow("no message of ours");
  });

  it.each<[string, (ws: WebSocket) => void]>([
    ["closed", (ws) => ws.close(1008)],
    ["reset", (ws) => ws.terminate()],
  ])("see that a client was %s that did nothing wrong", async (_how, close) => {
    const port = await broadcasting(NONE, (silent) => silent.forEach(close));
    expect(await drive(port, ALL_READ)).toMatchObject({ closed: 1, disorders: 0 });
  });

  it("see which of those that stopped were closed", async () => {
    const port = await broadcasting(NONE, ([one]) => one?.terminate());
    const figures = await drive(port, TWO_STOP, { clients: RATE_PUBLISHERS + 2 });
    expect(figures).toMatchObject({ stoppedClosed: 1, closed: 0, lost: 0, disorders: 0 });
  });

  it("refuse to send as clients that do not read", async () => {
    await expect(drive(await broadcasting(NONE), TWO_STOP)).rejects.toThrow("more publishers than clients that read");
  });
});
