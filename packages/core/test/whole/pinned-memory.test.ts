import { setImmediate } from "node:timers/promises";
import { createHub, Message, PreparedMessage, Upgrader, type Connection, type Hub, type UpgraderOptions } from "@upwire/core";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { FakeSocket } from "../helpers/fake-socket.ts";
import { collected, held } from "../helpers/held-memory.ts";
import { openSocket, type OpenedSocket } from "../helpers/wire-clients.ts";

const KIB = 1024;
const QUEUES = [16 * KIB, 128 * KIB];
/** For messages that can fill it before there are too many of them. */
const LARGE_QUEUES = [...QUEUES, 4 * KIB * KIB];
/** As much as a socket of Node 22 takes before it says that it is full. */
const HIGH_WATER_MARK = 64 * KIB;
/** Members of the hub that read everything: enough for cohorts. */
const FAST = 8;

interface Slow extends OpenedSocket {
  readonly hub: Hub;
}

/** What one turn queues for a slow client. @returns whether all of it was taken. */
type Mix = (slow: Slow, turn: number) => boolean;

const everybody: Mix = ({ hub }) => hub.broadcast("b") === hub.size;
const reply: Mix = ({ connection }) => connection.send("r");
const alone: Mix = ({ hub, connection }) => hub.broadcast("b", { filter: (one) => one === connection }) === 1;
const both: Mix = (slow, turn) => reply(slow, turn) && alone(slow, turn);
const sends =
  (data: (turn: number) => Parameters<Connection["send"]>[0]): Mix =>
  ({ connection }, turn) =>
    connection.send(data(turn));
const ofLength = (length: number): Mix => sends((turn) => `${turn}`.padEnd(length, "x"));

const mixes: readonly (readonly [string, Mix, UpgraderOptions?])[] = [
  ["tiny replies", reply],
  ["tiny broadcasts", everybody],
  ["a tiny reply and a tiny broadcast", both],
  [
    "a reply, a broadcast to a cohort and a prepared message",
    (slow, turn) => reply(slow, turn) && everybody(slow, turn) && slow.connection.send(new PreparedMessage("p")),
  ],
  ["bytes", sends(() => Buffer.of(1))],
  ["echoes of views on large blocks", sends(() => new Message(Buffer.alloc(8 * KIB), true, 5, 6))],
  ["messages of 1500 bytes", ofLength(1500)],
  ["short and long by turns", sends((turn) => "x".repeat(turn % 2 === 0 ? 1 : 4100))],
  ["compressed", sends((turn) => new PreparedMessage(`${turn} `.repeat(300))), { compression: true }],
  ["batches with a long delay", both, { maxBatchDelayMs: 60_000 }],
  ["drop-oldest", reply, { slowConsumer: "drop-oldest" }],
  ["drop-oldest, 1500 bytes", ofLength(1500), { slowConsumer: "drop-oldest" }],
  ["keep-latest", ({ connection }, turn) => connection.send("x", { key: `key ${turn}` }), { slowConsumer: "keep-latest" }],
  ["pause", both, { slowConsumer: "pause" }],
  ["behind a Blob that never comes", ({ connection }, turn) => connection.send(turn === 0 ? slowBlob() : turn % 2 === 0 ? Buffer.of(2) : "x")],
  ["Blobs", ({ connection }, turn) => connection.send(turn === 0 ? slowBlob() : new Blob(["x"]))],
  [
    "behind a writer",
    ({ connection }, turn) => {
      if (turn === 0) connection.createWriter("text").write("begun");
      return connection.send("x");
    },
  ],
  [
    "pings of the application",
    ({ connection }, turn) => {
      const before = connection.bufferedBytes;
      connection.ping(`${turn}`);
      return connection.bufferedBytes > before;
    },
  ],
  [
    "pongs for a flood of pings",
    ({ socket }, turn) => {
      socket.receive(encodeClientFrame({ opcode: Opcode.ping, payload: `${turn}`.padEnd(125) }));
      return turn < 1000;
    },
  ],
];

function slowBlob(): Blob {
  const blob = new Blob(["never"]);
  blob.arrayBuffer = () => new Promise(() => {});
  return blob;
}

/** What other clients are sent meanwhile: their frames and ours lie in the same blocks of the pool. */
function others(): void {
  for (let i = 0; i < 4; i++) Buffer.allocUnsafe(2 * KIB + 1);
}

async function openMany(options: UpgraderOptions, count: number): Promise<Slow[]> {
  // A slow machine must not end them.
  const upgrader = new Upgrader({ slowConsumer: "drop-newest", writeTimeoutMs: 600_000, pingIntervalMs: 0, ...options });
  const hub = createHub({});
  const clients: Slow[] = [];
  while (clients.length < count) {
    const client = await openSocket(upgrader, options.compression === true ? "permessage-deflate" : undefined, {}, new FakeSocket(HIGH_WATER_MARK));
    hub.add(client.connection);
    clients.push({ ...client, hub });
  }
  return clients;
}

/** Clients whose queues `mix` fills, in `turns` turns at most. */
async function fill(clients: readonly Slow[], mix: Mix, turns: number): Promise<void> {
  const slow = clients.slice(FAST);
  for (const { socket } of slow) socket.isTaking = false;
  for (let turn = 0, isFull = false; turn < turns && !isFull; turn++) {
    for (const client of slow) {
      isFull = !mix(client, turn) || isFull;
      others();
    }
    await setImmediate();
    for (const { socket } of clients.slice(0, FAST)) socket.written.length = 0;
  }
}

async function letGo(clients: readonly Slow[]): Promise<void> {
  for (const { socket } of clients) socket.destroy();
  await setImmediate();
}

/**
 * @returns what `mix` makes each of so many slow clients pin before its queue is full. A collection can only lower it, and takes most of
 * the time of these tests: there is no second one for what is at most `enough` after the first.
 */
async function pinnedBy(mix: Mix, options: UpgraderOptions, count: number, mostTurns: number, enough: number): Promise<number> {
  const clients = await openMany(options, FAST + count);
  const before = await held();
  await fill(clients, mix, mostTurns);
  let pinned = Infinity;
  for (let turn = 0; turn < 3 && pinned > enough; turn++) pinned = ((await collected()) - before) / count;
  expect(clients.slice(FAST).map(({ connection }) => connection.isOpen)).toEqual(Array.from({ length: count }, () => true));
  await letGo(clients);
  return pinned;
}

describe("what one client that reads nothing pins", () => {
  for (const [name, mix, options] of mixes) {
    it.each(/\d|long/.test(name) ? LARGE_QUEUES : QUEUES)(
      `is at most four times a queue of %i bytes, and 64 KiB: ${name}`,
      { timeout: 60_000 },
      async (maxQueueBytes) => {
        const limits = { maxQueueBytes, ...options };
        // Several, where what the engine of JavaScript does meanwhile would be as much as the queue of one.
        const count = maxQueueBytes < 64 * KIB ? 12 : 1;
        // With this policy one message more would end the client.
        const mostTurns = options?.slowConsumer === "keep-latest" ? Math.min(16_000, maxQueueBytes / 90) : 20_000;
        // What is made once: code, shapes.
        const first = await openMany(limits, FAST + count);
        await fill(first, mix, 200);
        await letGo(first);
        const most = 4 * maxQueueBytes + 64 * KIB;
        let pinned = Infinity;
        // The engine of JavaScript takes memory of its own now and then; what a client pins is there each time.
        for (let round = 0; round < 3 && pinned > most; round++) pinned = await pinnedBy(mix, limits, count, mostTurns, most);
        expect(pinned).toBeLessThanOrEqual(most);
      },
    );
  }
});
