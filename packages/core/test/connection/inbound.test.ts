import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Upgrader, websocket, type Connection, type ConnectionHandler, type Message, type UpgraderOptions } from "@upwire/core";
import { accept } from "@upwire/core/adapter";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { FakeClock } from "../helpers/fake-clock.ts";
import type { FakeSocket } from "../helpers/fake-socket.ts";
import { readerOptions } from "../helpers/readers.ts";
import { openSocket, read, type OpenedSocket } from "../helpers/wire-clients.ts";

const texts = (...all: (string | number)[]): Buffer => Buffer.concat(all.map((text) => encodeClientFrame({ opcode: Opcode.text, payload: `${text}` })));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

interface Opened extends OpenedSocket {
  readonly clock: FakeClock;
  /** The texts that the `message` hook got, and `close` for that hook. */
  readonly got: string[];
}

/** A connection whose `message` hook notes what it gets and then does `act`. */
async function open(act: (connection: Connection, text: string) => unknown, options: UpgraderOptions = {}, more: ConnectionHandler = {}): Promise<Opened> {
  const clock = new FakeClock();
  const got: string[] = [];
  const handler: ConnectionHandler = {
    ...more,
    message(connection, message) {
      got.push(message.text());
      return act(connection, message.text());
    },
    close: () => void got.push("close"),
  };
  const opened = await openSocket(new Upgrader({ clock, onError: () => {}, ...options }), undefined, handler);
  return { ...opened, clock, got };
}

/** What the client sends arrives. */
async function receive(socket: FakeSocket, bytes: Buffer): Promise<void> {
  socket.receive(bytes);
  for (let turns = 0; turns < 3; turns++) await turn();
}

describe("connection.pause()", () => {
  it.each(["own", "ws"] as const)(
    "holds back the messages of the same read, and resume() delivers them in order before it returns (reader %s)",
    async (reader) => {
      const { connection, socket, got } = await open((one, text) => text === "1" && one.pause(), readerOptions[reader]);
      await receive(socket, texts(1, 2, 3));
      expect([got, socket.isPaused()]).toEqual([["1"], true]);
      connection.resume();
      expect(got).toEqual(["1", "2", "3"]);
      await receive(socket, texts(4));
      expect(got).toEqual(["1", "2", "3", "4"]);
    },
  );

  it("reads nothing, while sending goes on", async () => {
    const { connection, socket, got } = await open(() => {});
    connection.pause();
    await receive(socket, texts("a"));
    expect(connection.send("still here")).toBe(true);
    await turn();
    expect([got, read({ socket, extensions: "" })]).toEqual([[], ["still here"]]);
    connection.resume();
    await receive(socket, texts("b"));
    expect(got).toEqual(["a", "b"]);
  });

  it.each(["own", "ws"] as const)("may be called and ended by every message of one read, without a deeper stack for each (reader %s)", async (reader) => {
    const { connection, socket, got } = await open((one) => {
      one.pause();
      one.resume();
    }, readerOptions[reader]);
    connection.pause();
    await receive(socket, texts(...numbers(5000)));
    connection.resume();
    await turn();
    expect(got).toEqual(numbers(5000).map(String));
  });

  it.each(["own", "ws"] as const)("delivers nothing more of what waited, once a hook closes the connection (reader %s)", async (reader) => {
    const { connection, socket, got } = await open((one, text) => (text === "1" ? one.pause() : text === "2" && one.close()), readerOptions[reader]);
    await receive(socket, texts(1, 2, 3));
    connection.resume();
    await turn();
    expect(got).toEqual(["1", "2"]);
  });

  it("ends with resume() where another reason to read nothing is still there", async () => {
    const { connection, socket, got, clock } = await open(() => {}, { rateLimit: { messagesPerSecond: 1, messageBurst: 1 } });
    await receive(socket, texts(1, 2));
    connection.pause();
    connection.resume();
    expect([got, socket.isPaused()]).toEqual([["1", "2"], true]);
    clock.advance(1000);
    expect(socket.isPaused()).toBe(false);
  });

  it.each(["idleTimeoutMs", "messageTimeoutMs", "pongTimeoutMs"] as const)(
    "is no silence of the client: %s does not pass, and counts anew from resume()",
    async (name) => {
      const { connection, socket, clock } = await open(() => {}, { pingIntervalMs: 1000, pongTimeoutMs: 1e6, [name]: 4000 });
      await receive(socket, texts("half").subarray(0, 8));
      clock.advance(1100);
      connection.pause();
      clock.advance(60_000);
      expect(connection.state).toBe("open");
      connection.resume();
      clock.advance(3000);
      expect(connection.state).toBe("open");
      clock.advance(3000);
      expect(connection.state).not.toBe("open");
    },
  );

  it("still lets a write that the client does not take end the connection", async () => {
    const { connection, socket, clock } = await open(() => {}, { writeTimeoutMs: 4000 });
    socket.isTaking = false;
    connection.pause();
    connection.send("x".repeat(10_000));
    await turn();
    clock.advance(8000);
    expect(connection.state).not.toBe("open");
  });

  it("ends with the connection: the close frame of the client is read, and what waited is dropped", async () => {
    const { connection, socket, got } = await open((one) => one.pause());
    await receive(socket, Buffer.concat([texts(1, 2, 3), encodeClientFrame({ opcode: Opcode.close, payload: Buffer.of(3, 232) })]));
    connection.close(4000);
    await turn();
    socket.push(null);
    expect(await connection.closed).toMatchObject({ wasClean: true });
    await turn();
    connection.resume();
    expect(got).toEqual(["1", "close"]);
  });

  it("does nothing on a connection that is over", async () => {
    const { connection, socket } = await open(() => {});
    socket.destroy();
    await connection.closed;
    connection.pause();
    connection.resume();
    expect(connection.state).toBe("closed");
  });

  it("holds back the messages that came before an async `open` had settled", async () => {
    let settle = (): void => {};
    const got: string[] = [];
    const server = createServer();
    const route = websocket({
      open(connection) {
        connection.pause();
        return new Promise<void>((resolve) => {
          settle = () => {
            resolve();
            setImmediate(() => connection.resume());
          };
        });
      },
      message: (_, message) => void got.push(message.text()),
    });
    server.on("request", (req, res) => void route(req, res));
    const { attach } = await import("@upwire/core");
    attach(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await once(client, "open");
    client.send("early");
    settle();
    await turn();
    expect(got).toEqual([]);
    while (got.length === 0) await turn();
    expect(got).toEqual(["early"]);
    client.terminate();
  });

  it("holds the messages of a `ws` that goes on reading by itself", async () => {
    const upgrader = new Upgrader();
    const wss = new WebSocketServer({ noServer: true });
    const server = createServer();
    const got: string[] = [];
    const handler: ConnectionHandler = {
      message(connection, message) {
        got.push(message.text());
        if (got.length === 1) {
          connection.pause();
          setImmediate(() => {
            expect(got).toEqual(["1"]);
            connection.resume();
          });
        }
        if (got.length === 3) connection.close();
      },
    };
    server.on("upgrade", (req, socket, head) => wss.handleUpgrade(req, socket, head, (ws) => void accept(upgrader, ws, req, handler)));
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await once(client, "open");
    for (const text of ["1", "2", "3"]) client.send(text);
    await once(client, "close");
    expect(got).toEqual(["1", "2", "3"]);
  });
});

/** A hook that is async and settles when the test says so. */
class Jobs {
  /** In the order in which they began; each is settled by its own text. */
  readonly running = new Map<string, (error?: Error) => void>();
  most = 0;

  readonly begin = (_connection: Connection, text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      this.most = Math.max(this.most, this.running.size + 1);
      this.running.set(text, (error) => {
        this.running.delete(text);
        if (error === undefined) resolve();
        else reject(error);
      });
    });

  async settle(text: string, error?: Error): Promise<void> {
    this.running.get(text)?.(error);
    await turn();
  }
}

describe("handler.concurrency", () => {
  it("lets so many async hooks of one client run, the next messages in order when one settles", async () => {
    const jobs = new Jobs();
    const { socket, got } = await open(jobs.begin, {}, { concurrency: 2 });
    await receive(socket, texts(1, 2, 3, 4, 5));
    expect(got).toEqual(["1", "2"]);
    await jobs.settle("2");
    expect(got).toEqual(["1", "2", "3"]);
    await jobs.settle("1");
    await jobs.settle("3");
    expect(got).toEqual(["1", "2", "3", "4", "5"]);
    await jobs.settle("4");
    await receive(socket, texts(6, 7));
    expect(got).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(jobs.most).toBe(2);
  });

  it("goes on reading control frames until a message has to wait, and then reads nothing", async () => {
    const jobs = new Jobs();
    const { socket } = await open(jobs.begin, {}, { concurrency: 1 });
    await receive(socket, texts(1));
    expect(socket.isPaused()).toBe(false);
    await receive(socket, texts(2));
    expect(socket.isPaused()).toBe(true);
    await jobs.settle("1");
    expect(socket.isPaused()).toBe(false);
  });

  it("is of each client alone", async () => {
    const jobs = new Jobs();
    const upgrader = new Upgrader();
    const handler: ConnectionHandler = { concurrency: 1, message: (connection: Connection, message: Message) => jobs.begin(connection, message.text()) };
    const [one, other] = [await openSocket(upgrader, undefined, handler), await openSocket(upgrader, undefined, handler)];
    await receive(one.socket, texts("a", "b"));
    await receive(other.socket, texts("c", "d"));
    expect([...jobs.running.keys()]).toEqual(["a", "c"]);
  });

  it("counts hooks that are sync, or return what cannot be waited for, for nothing", async () => {
    const { socket, got } = await open(() => ({ junk: true }), {}, { concurrency: 1 });
    await receive(socket, texts(...numbers(2000)));
    expect(got).toEqual(numbers(2000).map(String));
    expect(socket.isPaused()).toBe(false);
  });

  it("sees one that settles at once in a later turn, and many of them without a deeper stack for each", async () => {
    const { socket, got } = await open(() => Promise.resolve(), {}, { concurrency: 1 });
    await receive(socket, texts(...numbers(5000)));
    expect(got).toEqual(numbers(5000).map(String));
  });

  it("is no silence of the client while a hook takes its time", async () => {
    const jobs = new Jobs();
    const { connection, socket, clock } = await open(jobs.begin, { idleTimeoutMs: 1000, pingIntervalMs: 500, pongTimeoutMs: 1000 }, { concurrency: 1 });
    await receive(socket, texts(1, 2));
    clock.advance(60_000);
    expect(connection.state).toBe("open");
  });

  it("ends the connection when one rejects, and hands out no more", async () => {
    const jobs = new Jobs();
    const { socket, got, connection } = await open(jobs.begin, {}, { concurrency: 1 });
    await receive(socket, texts(1, 2, 3));
    await jobs.settle("1", new Error("a fault"));
    expect([got, connection.state]).toEqual([["1"], "closing"]);
  });

  it("drops what still waits when the connection is over, so that the `close` hook is last", async () => {
    const jobs = new Jobs();
    const { connection, socket, got } = await open(jobs.begin, {}, { concurrency: 1 });
    await receive(socket, texts(1, 2, 3));
    socket.destroy();
    await connection.closed;
    await turn();
    await jobs.settle("1");
    expect(got).toEqual(["1", "close"]);
  });

  it("and pause() wait for both", async () => {
    const jobs = new Jobs();
    const { connection, socket, got } = await open(jobs.begin, {}, { concurrency: 1 });
    await receive(socket, texts(1, 2, 3));
    connection.pause();
    await jobs.settle("1");
    expect(got).toEqual(["1"]);
    connection.resume();
    expect(got).toEqual(["1", "2"]);
    connection.pause();
    connection.resume();
    expect(got).toEqual(["1", "2"]);
  });

  it("holds no more than one read, however much a client sends to a hook that never settles", async () => {
    const { connection, socket, got } = await open(() => new Promise(() => {}), {}, { concurrency: 3 });
    for (let reads = 0; reads < 50; reads++) await receive(socket, texts(...numbers(100)));
    expect(got).toEqual(["0", "1", "2"]);
    // The rest is where TCP holds it: in the socket.
    expect(socket.readableLength).toBeGreaterThan(49 * 100 * 6);
    expect(connection.state).toBe("open");
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, "2", null, true])("cannot be %s", (concurrency) => {
    expect(() => websocket({ message() {}, concurrency: concurrency as number })).toThrow(
      /^websocket: concurrency: .* is not allowed; give a whole number from 1 on/,
    );
    expect(() => websocket({ message() {}, concurrency: concurrency as number })).toThrow(TypeError);
  });
});

describe("messages that come as streams", () => {
  interface Streamed {
    readonly opened: OpenedSocket;
    /** What each hook has read, when it has. */
    readonly got: string[];
    readonly settle: () => void;
  }

  /** A hook that reads its stream to the end, notes it, and then takes its time. */
  async function openStreams(concurrency?: number): Promise<Streamed> {
    const got: string[] = [];
    const waiting: (() => void)[] = [];
    const handler: ConnectionHandler = {
      async stream(_connection, message) {
        got.push(await new Response(message.readable).text());
        await new Promise<void>((resolve) => waiting.push(resolve));
      },
    };
    const opened = await openSocket(new Upgrader(), undefined, concurrency === undefined ? handler : { ...handler, concurrency });
    return { opened, got, settle: () => waiting.shift()?.() };
  }

  async function turns(): Promise<void> {
    for (let count = 0; count < 20; count++) await turn();
  }

  it("count for `concurrency` until their hook has settled, read to the end or not", async () => {
    const { opened, got, settle } = await openStreams(1);
    await receive(opened.socket, texts("a", "b", "c"));
    await turns();
    expect(got).toEqual(["a"]);
    settle();
    await turns();
    expect(got).toEqual(["a", "b"]);
  });

  it("come one after the other without it, as each has been read", async () => {
    const { opened, got } = await openStreams();
    await receive(opened.socket, texts("a", "b", "c"));
    await turns();
    expect(got).toEqual(["a", "b", "c"]);
  });

  it("do not begin between pause() and resume()", async () => {
    const { opened, got } = await openStreams();
    opened.connection.pause();
    await receive(opened.socket, texts("a", "b"));
    await turns();
    expect(got).toEqual([]);
    opened.connection.resume();
    await turns();
    expect(got).toEqual(["a", "b"]);
  });
});
