// oxlint-disable vitest/no-standalone-expect -- the policies below are judged inside the property
import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { attach, Upgrader, type Connection, type SlowConsumerPolicy } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeSocket } from "../helpers/fake-socket.ts";
import { runs } from "../helpers/property.ts";
import { play, Step } from "../helpers/steps.ts";

const MAX_QUEUE_BYTES = 1000;

/** A connection whose socket is ours. */
async function connect(slowConsumer: SlowConsumerPolicy): Promise<{ readonly connection: Connection; readonly socket: FakeSocket }> {
  const upgrader = new Upgrader({ maxQueueBytes: MAX_QUEUE_BYTES, slowConsumer });
  const server = createServer();
  attach(server);
  const opened = new Promise<Connection>((resolve) => {
    server.on("request", (req, res) => void upgrader.upgrade(req, res, { open: resolve }));
  });
  const socket = new FakeSocket();
  server.emit("connection", socket);
  socket.receive(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  const connection = await opened;
  await setImmediate();
  socket.written.length = 0;
  return { connection, socket };
}

interface Read {
  readonly messages: readonly string[];
  readonly closeCode: number | undefined;
}

/** The frames in a server's stream. Throws for what is none, and for anything behind a close frame. */
function readFrames(stream: Buffer): Read {
  const messages: string[] = [];
  let closeCode: number | undefined;
  for (let at = 0; at < stream.byteLength;) {
    if (closeCode !== undefined) throw new Error("a frame behind the close frame");
    const short = stream.readUInt8(at + 1);
    const start = at + (short === 127 ? 10 : short === 126 ? 4 : 2);
    const length = short === 127 ? Number(stream.readBigUInt64BE(at + 2)) : short === 126 ? stream.readUInt16BE(at + 2) : short;
    const payload = stream.subarray(start, start + length);
    if (payload.byteLength < length) throw new Error("half a frame");
    if (stream.readUInt8(at) === 0x88) closeCode = payload.readUInt16BE(0);
    else messages.push(payload.toString());
    at = start + length;
  }
  return { messages, closeCode };
}

/** What a slow client must have got in the end, of what `send` took. The first is the policy's own rule for a full queue. */
interface PolicyModel {
  readonly policy: SlowConsumerPolicy;
  /** After a `send` that found no room. */
  readonly onFull: (connection: Connection) => void;
  readonly judge: (got: Read, taken: readonly string[], wasFull: boolean) => void;
}

const policies: readonly PolicyModel[] = [
  {
    policy: "drop-newest",
    onFull: (connection) => expect(connection.state).toBe("open"),
    judge: (got, taken) => expect(got).toEqual({ messages: taken, closeCode: undefined }),
  },
  {
    policy: "close",
    onFull: (connection) => expect(connection.state).not.toBe("open"),
    judge(got, taken, wasFull) {
      // What the socket had not been given is forgotten for the close frame; whole messages, from the newest on.
      if (wasFull) expect(got).toEqual({ messages: taken.slice(0, got.messages.length), closeCode: 1013 });
      else expect(got).toEqual({ messages: taken, closeCode: undefined });
    },
  },
];

function frameBytes(length: number): number {
  return length + (length < 126 ? 2 : length < 65_536 ? 4 : 10);
}

/** One client, and what it should have got. */
class World {
  readonly connection: Connection;
  readonly socket: FakeSocket;
  readonly #policy: PolicyModel;
  /** What `send` took. */
  readonly #taken: string[] = [];
  #sent = 0;
  #wasFull = false;
  #writes = 0;
  /** How many writes this turn may bring. */
  #flushes = 1;

  constructor({ connection, socket }: Awaited<ReturnType<typeof connect>>, policy: PolicyModel) {
    this.connection = connection;
    this.socket = socket;
    this.#policy = policy;
  }

  send(length: number): void {
    const { connection } = this;
    const text = `${this.#sent++} `.padEnd(length, "x");
    const before = connection.bufferedBytes;
    const fits = before === 0 || before + frameBytes(length) <= MAX_QUEUE_BYTES;
    if (!fits) this.#flushes++;
    const wasOpen = connection.state === "open";
    const isTaken = connection.send(text);
    if (isTaken) this.#taken.push(text);
    if (wasOpen && fits) expect(isTaken).toBe(true);
    if (!wasOpen) expect(isTaken).toBe(false);
    if (wasOpen && !isTaken) {
      this.#wasFull = true;
      this.#policy.onFull(connection);
    }
    // One message that is longer has the queue for itself.
    if (isTaken) expect(connection.bufferedBytes).toBeLessThanOrEqual(Math.max(MAX_QUEUE_BYTES, frameBytes(length)));
  }

  async turn(): Promise<void> {
    await setImmediate();
    await setImmediate();
    // One write for all of a turn, and one more whenever the queue was full and had to be offered early.
    expect(this.socket.written.length - this.#writes).toBeLessThanOrEqual(this.#flushes);
    this.#writes = this.socket.written.length;
    this.#flushes = 1;
  }

  /** What the socket held in its own queue goes on as a write of its own. */
  release(): void {
    this.#flushes++;
    this.socket.release();
  }

  async end(): Promise<void> {
    const { connection, socket } = this;
    socket.isTaking = true;
    socket.release();
    await setImmediate();
    await setImmediate();
    this.#policy.judge(readFrames(Buffer.concat(socket.written)), this.#taken, this.#wasFull);
    expect(connection.bufferedBytes).toBe(0);
    socket.destroy();
    await connection.closed;
  }
}

const length = fc.oneof(fc.integer({ min: 8, max: 600 }), fc.constantFrom(125, 126, 996, 997, 2000, 65_536));
const others: Readonly<Record<string, (world: World) => unknown>> = {
  turn: (world) => world.turn(),
  take: (world) => world.release(),
  stall: ({ socket }) => (socket.isTaking = false),
  flow(world) {
    world.socket.isTaking = true;
    world.release();
  },
};
const step = fc.oneof(
  { weight: 6, arbitrary: length.map((bytes) => new Step<World>(`send ${bytes}`, { run: (world) => world.send(bytes) })) },
  { weight: 3, arbitrary: fc.constantFrom(...Object.entries(others).map(([name, run]) => new Step<World>(name, { run }))) },
);

describe("the queue of one client", () => {
  for (const model of policies) {
    it(`keeps order and limit with "${model.policy}", whatever the socket takes (property)`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
          const world = new World(await connect(model.policy), model);
          await play(world, steps);
          await world.end();
        }),
        runs(150),
      );
    });
  }
});
