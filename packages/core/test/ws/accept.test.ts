import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { createHub, Upgrader, type CloseInfo, type Connection, type ConnectionHandler, type IncomingStream, type UpgraderOptions } from "@upwire/core";
import { accept, check } from "@upwire/core/adapter";
import { Opcode, WireClient } from "@upwire/testing";
import { expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { FakeClock } from "../helpers/fake-clock.ts";
import { closing, event, nextMessage, nextTexts, open, serve } from "../helpers/served.ts";

const MIB = 1024 * 1024;
const echo: ConnectionHandler = { message: (connection, message) => void connection.send(message) };

interface Adopting {
  readonly port: number;
  readonly nextConnection: () => Promise<Connection>;
}

/** Somebody's own `WebSocketServer`, whose server `attach` knows nothing of. */
async function adopt(
  handler: ConnectionHandler | undefined,
  options: UpgraderOptions = {},
  checkFirst = true,
  opened: (ws: WebSocket) => void = () => {},
): Promise<Adopting> {
  const wss = new WebSocketServer({ noServer: true, maxPayload: 8 * MIB });
  const upgrader = new Upgrader(options);
  const waiting: ((connection: Connection) => void)[] = [];
  const arrived: Connection[] = [];
  const server = createServer();
  server.on("upgrade", (req, socket, head) => {
    const go = async (): Promise<void> => {
      if (checkFirst && !(await check(upgrader, req)).ok) return void socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
      wss.handleUpgrade(req, socket, head, (ws) => {
        opened(ws);
        void accept(upgrader, ws, req, handler).then((connection) => {
          if (connection === undefined) return;
          const take = waiting.shift();
          if (take === undefined) arrived.push(connection);
          else take(connection);
        });
      });
    };
    void go();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const client of wss.clients) client.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, nextConnection: async () => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve)) };
}

it.each([true, false])("takes an open ws (checked before: %s)", async (checkFirst) => {
  const { port } = await adopt(echo, {}, checkFirst);
  const client = await open(port);
  const got = nextMessage(client);
  client.send("hi");
  expect((await got).text).toBe("hi");
});

it.each(["arraybuffer", "fragments", "blob"] as const)("takes a ws whose binaryType is %s, and its messages are bytes all the same", async (binaryType) => {
  const { port } = await adopt(echo, {}, true, (ws) => void ((ws as { binaryType: string }).binaryType = binaryType));
  const client = await WireClient.connect({ port });
  client.sendFrame({ opcode: Opcode.binary, payload: Buffer.from("by"), fin: false });
  client.sendFrame({ opcode: Opcode.continuation, payload: Buffer.from("tes") });
  expect(await client.nextMessage()).toMatchObject({ bytes: Buffer.from("bytes"), isBinary: true });
});

it("closes an open ws with 1008 when the request is refused only then", async () => {
  const { port } = await adopt(echo, {}, false);
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, { origin: "https://evil.test" });
  expect(await closing(client)).toEqual({ code: 1008, reason: "ERR_ORIGIN" });
});

it("closes an open ws with 1011 where the handler is none, and reports it", async () => {
  const errors: unknown[] = [];
  const { port } = await adopt({ message: "echo" } as never, { onError: (error) => void errors.push(error) });
  expect((await closing(await open(port))).code).toBe(1011);
  expect(errors).toEqual([expect.any(TypeError)]);
});

it("keeps the route's own message limit, policy and close codes", async () => {
  const { port } = await adopt(echo, { maxMessageBytes: 10 });
  const client = await open(port);
  client.send("x".repeat(11));
  expect(await closing(client)).toEqual({ code: 1009, reason: "message too big" });
});

it("gives each message as a stream of one chunk, the next one when that is taken, and keeps maxMessageBytes", async () => {
  const streams: IncomingStream[] = [];
  const { port } = await adopt({ stream: (_connection, message) => void streams.push(message) }, { maxMessageBytes: 10 });
  const client = await open(port);
  client.send("one");
  client.send(Buffer.from("two"));
  for (const [index, text] of ["one", "two"].entries()) {
    while (streams.length === index) await turn();
    await turn();
    expect(streams).toHaveLength(index + 1);
    const chunks: string[] = [];
    for await (const chunk of streams[index]?.readable ?? []) chunks.push(Buffer.from(chunk).toString());
    expect([streams[index]?.isBinary, chunks]).toEqual([text === "two", [text]]);
  }
  client.send("longer than ten");
  expect((await closing(client)).code).toBe(1009);
});

it("streams, and lets other messages wait", async () => {
  const { port } = await adopt({
    open: (connection) => {
      const writer = connection.createWriter("text");
      writer.write("a");
      connection.send("after");
      writer.end("b");
    },
  });
  const client = new WebSocket(`ws://127.0.0.1:${port}/`);
  expect(await nextTexts(client, 2)).toEqual(["ab", "after"]);
});

it("gives every early message to the handler, in order, once `open` has settled", async () => {
  let opened = (): void => {};
  const { port } = await adopt({
    ...echo,
    open: () =>
      new Promise<void>((resolve) => {
        opened = resolve;
      }),
  });
  const frame = (letter: string): Buffer => Buffer.from([0x81, 0x81, 0, 0, 0, 0, letter.charCodeAt(0)]);
  const client = await WireClient.connect({ port, path: "/", early: Buffer.concat([frame("a"), frame("b")]) });
  client.sendText("c");
  opened();
  const texts = [];
  for (let i = 0; i < 3; i++) texts.push((await client.nextMessage()).text);
  expect(texts).toEqual(["a", "b", "c"]);
  client.socket.destroy();
});

it("closes from either side, and says how it was", async () => {
  const { port, nextConnection } = await adopt(undefined);
  const first = await open(port);
  const seen = closing(first);
  const connection = await nextConnection();
  connection.close(4001, "by the server");
  expect([await seen, await connection.closed]).toEqual([
    { code: 4001, reason: "by the server" },
    { code: 4001, reason: "by the server", wasClean: true },
  ]);
  (await open(port)).close(4002, "by the client");
  expect(await (await nextConnection()).closed).toEqual({ code: 4002, reason: "by the client", wasClean: true });
  (await open(port)).close();
  expect(await (await nextConnection()).closed).toMatchObject({ code: 1005, wasClean: true });
});

it("tells of a reset, and terminates", async () => {
  const { port, nextConnection } = await adopt(undefined);
  const client = await WireClient.connect({ port, path: "/" });
  client.reset();
  expect(await (await nextConnection()).closed).toMatchObject({ code: 1006, wasClean: false });
  const second = await WireClient.connect({ port, path: "/" });
  (await nextConnection()).terminate();
  expect((await second.closed).code).toBe(1006);
});

it.each([
  ["an unmasked frame", { opcode: Opcode.text, payload: "bare", mask: false }, "ERR_PROTOCOL: client frame not masked", 1002],
  ["a message inside a message", { opcode: Opcode.text, fin: false }, "ERR_PROTOCOL: new message inside a fragmented one", 1002],
  ["text that is not UTF-8", { opcode: Opcode.text, payload: Buffer.from([0xff]) }, "ERR_UTF8: invalid UTF-8", 1007],
] as const)("ends a client that sends %s, and says what was wrong", async (_what, frame, fault, closeCode) => {
  const told: unknown[] = [];
  let over = (_info: CloseInfo): void => {};
  const closed = new Promise<CloseInfo>((resolve) => {
    over = resolve;
  });
  const { port } = await adopt({
    error: (_connection, error) => void told.push(`${error.code}: ${error.message}`),
    close: (_connection, info) => over(info),
  });
  const client = await WireClient.connect({ port, path: "/" });
  client.sendFrame(frame);
  client.sendFrame(frame);
  expect([(await client.closed).code, (await closed).code, told]).toEqual([closeCode, closeCode, [fault]]);
});

it("closes with 1011 when a hook fails", async () => {
  const errors: unknown[] = [];
  const { port } = await adopt({ message: () => Promise.reject(new Error("sorry")) }, { onError: (error) => void errors.push(error) });
  const client = await open(port);
  client.send("x");
  expect(await closing(client)).toMatchObject({ code: 1011 });
  expect(errors).toMatchObject([{ message: "sorry" }]);
});

it("answers pings, sends them, and hands both on", async () => {
  const got: string[] = [];
  let all = (): void => {};
  const both = new Promise<void>((resolve) => {
    all = resolve;
  });
  const note = (text: string): void => {
    if (got.push(text) === 2) all();
  };
  const { port, nextConnection } = await adopt({
    ping: (_connection, data) => note(`ping ${data.toString()}`),
    pong: (_connection, data) => note(`pong ${data.toString()}`),
  });
  const client = await open(port);
  const ponged = event(client, "pong");
  client.ping("from the client");
  expect((await ponged).toString()).toBe("from the client");
  (await nextConnection()).ping("from the server");
  await both;
  expect(got).toEqual(["ping from the client", "pong from the server"]);
});

it("destroys the socket of a peer that answers no ping", async () => {
  const clock = new FakeClock();
  const { port, nextConnection } = await adopt(undefined, { clock, pingIntervalMs: 1000, pongTimeoutMs: 500 });
  const client = await WireClient.connect({ port, path: "/" });
  const connection = await nextConnection();
  clock.advance(1000);
  expect((await client.nextFrame()).opcode).toBe(Opcode.ping);
  clock.advance(1000);
  expect([(await client.closed).code, (await connection.closed).code]).toEqual([1006, 1006]);
});

it("closes a client that takes nothing for `writeTimeoutMs`", async () => {
  const clock = new FakeClock();
  const { port, nextConnection } = await adopt(undefined, { clock, pingIntervalMs: 0, writeTimeoutMs: 5000, maxQueueBytes: 64 * MIB });
  const client = await open(port);
  client.pause();
  const connection = await nextConnection();
  const message = Buffer.alloc(MIB);
  // The kernels take some; then it waits.
  for (let i = 0; i < 32; i++) connection.send(message);
  let isDrained = false;
  const drained = connection.drain().then(() => {
    isDrained = true;
  });
  await new Promise((next) => setImmediate(next));
  expect([connection.bufferedBytes > MIB, isDrained]).toEqual([true, false]);
  clock.advance(4000);
  expect(connection.state).toBe("open");
  clock.advance(2000);
  expect(connection.state).toBe("closing");
  clock.advance(2000);
  expect(await connection.closed).toMatchObject({ code: 1013, wasClean: false });
  await drained;
});

it("drops the newest message where that is the policy, and drains", async () => {
  const { port, nextConnection } = await adopt(undefined, { slowConsumer: "drop-newest", maxQueueBytes: MIB });
  const client = await open(port);
  client.pause();
  const connection = await nextConnection();
  const message = Buffer.alloc(MIB / 2);
  let sent = 0;
  while (connection.send(message)) sent++;
  let received = 0;
  const all = new Promise<void>((resolve) => {
    client.on("message", () => {
      if (++received === sent) resolve();
    });
  });
  client.resume();
  await Promise.all([all, connection.drain()]);
  expect([connection.state, connection.bufferedBytes, connection.send("again")]).toEqual(["open", 0, true]);
});

it("gives messages to one who pulls, and holds the client back meanwhile", async () => {
  const { port, nextConnection } = await adopt(undefined);
  const client = await open(port);
  const connection = await nextConnection();
  for (const text of ["1", "2", "3"]) client.send(text);
  client.close(1000, "done");
  const got: string[] = [];
  for await (const message of connection) {
    got.push(message.text());
    await new Promise((next) => setImmediate(next));
  }
  expect([got, connection.closeInfo]).toEqual([["1", "2", "3"], { code: 1000, reason: "done", wasClean: true }]);
});

it("is a member of a hub like any other, in order", async () => {
  const hub = createHub();
  const member: ConnectionHandler = { open: (connection) => hub.add(connection) };
  const adopted = await adopt(member);
  const native = await serve(member);
  const clients = [await open(adopted.port), await open(native.port)];
  await Promise.all([adopted.nextConnection(), native.nextConnection()]);
  const got = clients.map((client) => nextTexts(client, 50));
  const texts = Array.from({ length: 50 }, (_, i) => `${i}`);
  for (const text of texts) hub.broadcast(text);
  expect(await Promise.all(got)).toEqual([texts, texts]);
});
