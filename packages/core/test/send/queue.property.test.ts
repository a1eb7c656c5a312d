// oxlint-disable vitest/no-standalone-expect -- the policies below are judged inside the property
import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { attach, Upgrader, type Connection, type SlowConsumerPolicy } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeSocket } from "../helpers/fake-socket.ts";
import { runs } from "../helpers/property.ts";

const MAX_QUEUE_BYTES = 1000;

/** A connection whose socket is ours. */
async function connect(slowConsumer: SlowConsumerPolicy): Promise<{ readonly connection: Connection; readonly socket: FakeSocket; readonly end: () => void }> {
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
  return { connection, socket, end: () => void socket.destroy() };
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

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      length: fc.oneof(fc.integer({ min: 8, max: 600 }), fc.constantFrom(125, 126, 996, 997, 2000, 65_536)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("turn" as const, "take" as const, "stall" as const, "flow" as const) }) },
);

function frameBytes(length: number): number {
  return length + (length < 126 ? 2 : length < 65_536 ? 4 : 10);
}

describe("the queue of one client", () => {
  for (const { policy, onFull, judge } of policies) {
    it(`keeps order and limit with "${policy}", whatever the socket takes (property)`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
          const { connection, socket, end } = await connect(policy);
          const taken: string[] = [];
          let wasFull = false;
          let writes = 0;
          let flushes = 1;
          const turn = async (): Promise<void> => {
            await setImmediate();
            await setImmediate();
            // One write for all of a turn, and one more whenever the queue was full and had to be offered early.
            expect(socket.written.length - writes).toBeLessThanOrEqual(flushes);
            writes = socket.written.length;
            flushes = 1;
          };
          for (const [number, what] of steps.entries()) {
            if (what.kind === "send") {
              const text = `${number} `.padEnd(what.length, "x");
              const before = connection.bufferedBytes;
              const fits = before === 0 || before + frameBytes(what.length) <= MAX_QUEUE_BYTES;
              if (!fits) flushes++;
              const wasOpen = connection.state === "open";
              const isTaken = connection.send(text);
              if (isTaken) taken.push(text);
              if (wasOpen && fits) expect(isTaken).toBe(true);
              if (!wasOpen) expect(isTaken).toBe(false);
              if (wasOpen && !isTaken) {
                wasFull = true;
                onFull(connection);
              }
              // One message that is longer has the queue for itself.
              if (isTaken) expect(connection.bufferedBytes).toBeLessThanOrEqual(Math.max(MAX_QUEUE_BYTES, frameBytes(what.length)));
            } else if (what.kind === "turn") {
              await turn();
            } else {
              if (what.kind !== "take") socket.isTaking = what.kind === "flow";
              // What the socket held in its own queue goes on as a write of its own.
              if (what.kind !== "stall") {
                flushes++;
                socket.release();
              }
            }
          }
          socket.isTaking = true;
          socket.release();
          await setImmediate();
          await setImmediate();
          judge(readFrames(Buffer.concat(socket.written)), taken, wasFull);
          expect(connection.bufferedBytes).toBe(0);
          end();
          await connection.closed;
        }),
        runs(150),
      );
    });
  }
});
