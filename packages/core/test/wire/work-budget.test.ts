import { setImmediate } from "node:timers/promises";
import { constants, deflateRawSync } from "node:zlib";
import { Upgrader, type Message } from "@upwire/core";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import type { FrameSink } from "../../src/wire/frame-reader.ts";
import { MessageReader } from "../../src/wire/message-reader.ts";
import { WorkBudget } from "../../src/wire/work-budget.ts";
import { FakeClock } from "../helpers/fake-clock.ts";
import { openSocket } from "../helpers/wire-clients.ts";

const LIMITS = { maxMessageBytes: 1024 * 1024, maxFragments: 1024 };

function compressed(payload: Buffer, fin = true): Buffer {
  const deflated = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return encodeClientFrame({ opcode: Opcode.binary, rsv: 4, payload: deflated, fin });
}

const longest = compressed(Buffer.alloc(LIMITS.maxMessageBytes));
const plain = (text: string): Buffer => encodeClientFrame({ opcode: Opcode.text, payload: text });
const many = (count: number, frame: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => frame));

interface Reading {
  readonly reader: MessageReader;
  /** What it read, with its name in front. */
  readonly lines: string[];
}

function open(budget: WorkBudget, name = "", lines: string[] = [], onMessage: (message: Message) => void = () => {}): Reading {
  const sink: FrameSink = {
    onMessage(message) {
      lines.push(`${name}${message.byteLength > 100 ? "long" : message.text()}`);
      onMessage(message);
    },
    onPing: () => void lines.push(`${name}ping`),
    onPong: () => {},
    onClose: () => void lines.push(`${name}close`),
    onFault: ({ code }) => void lines.push(`${name}${code}`),
    onReady: () => void lines.push(`${name}ready`),
  };
  return { reader: new MessageReader(sink, { limits: LIMITS, inflates: true, now: () => 7, budget }), lines };
}

/** What came in each turn, until one brings nothing. */
async function turns(lines: string[]): Promise<string[][]> {
  const each = [];
  do each.push(lines.splice(0));
  while ((await setImmediate(), lines.length > 0));
  return each;
}

describe("inflating has a share of each turn", () => {
  it("reads one long message in a turn, in the order of the client, and is ready behind the last", async () => {
    const { reader, lines } = open(new WorkBudget());
    const ping = encodeClientFrame({ opcode: Opcode.ping, payload: "" });
    const close = encodeClientFrame({ opcode: Opcode.close, payload: Buffer.of(3, 232) });
    expect(reader.read(Buffer.concat([plain("first"), longest, ping, longest, plain("last"), longest, close]))).toBe(false);
    expect(await turns(lines)).toEqual([["first", "long", "ping"], ["long"], ["last", "long", "close", "ready"]]);
  });

  it("counts each message, however short it is", async () => {
    const { reader, lines } = open(new WorkBudget());
    reader.read(many(1000, compressed(Buffer.from("a"))));
    const counts = (await turns(lines)).map(({ length }) => length);
    expect(Math.max(...counts)).toBeLessThan(300);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1000 + 1);
  });

  it("is for all connections together, which take turns", async () => {
    const budget = new WorkBudget();
    const lines: string[] = [];
    const readings = ["a", "b", "c"].map((name) => open(budget, `${name} `, lines));
    for (const { reader } of readings) reader.read(many(2, longest));
    const order = (await turns(lines)).flat().filter((line) => line.endsWith("long"));
    expect(order).toEqual(["a long", "b long", "c long", "a long", "b long", "c long"]);
  });

  it("is nothing to those that send what is not compressed, or only pings", () => {
    const budget = new WorkBudget();
    open(budget).reader.read(longest);
    const { reader, lines } = open(budget);
    expect(reader.read(plain("at once"))).toBe(true);
    expect(lines).toEqual(["at once"]);
  });

  it("counts what the answers deflate, also to requests that are not compressed", async () => {
    const budget = new WorkBudget();
    const { reader, lines } = open(budget, "", [], () => budget.deflated(64 * 1024));
    reader.read(many(5, plain("request")));
    expect((await turns(lines)).map(({ length }) => length)).toEqual([1, 1, 1, 1, 2]);
  });

  it("counts looks at what has not come as a whole, and what is too long", async () => {
    const budget = new WorkBudget();
    const frame = compressed(Buffer.alloc(LIMITS.maxMessageBytes), false);
    const first = open(budget);
    first.reader.read(frame.subarray(0, -1));
    expect(budget.isSpent).toBe(true);
    await setImmediate();
    open(budget).reader.read(compressed(Buffer.alloc(LIMITS.maxMessageBytes + 1)));
    expect(budget.isSpent).toBe(true);
  });

  it("begins the time of a message anew, since the waiting was ours", async () => {
    const budget = new WorkBudget();
    const { reader } = open(budget);
    reader.read(compressed(Buffer.alloc(10), false));
    expect(reader.partialSince).toBe(7);
    reader.partialSince = 1;
    open(budget).reader.read(longest);
    reader.read(encodeClientFrame({ opcode: Opcode.continuation, payload: Buffer.of(0), fin: false }));
    await setImmediate();
    expect(reader.partialSince).toBe(7);
  });

  it("stays stopped while paused, and after its end", async () => {
    const { reader, lines } = open(new WorkBudget());
    reader.read(many(3, longest));
    reader.pause();
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    expect(lines).toEqual(["long"]);
    reader.resume();
    expect(lines).toEqual(["long", "long"]);
    reader.release();
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    expect(lines).toEqual(["long", "long"]);
  });
});

describe("a connection whose messages wait for their turn", () => {
  it("is not judged for the time that it waits", async () => {
    const clock = new FakeClock();
    const upgrader = new Upgrader({ compression: true, clock, idleTimeoutMs: 1000, messageTimeoutMs: 1000, pingIntervalMs: 1000, pongTimeoutMs: 1000 });
    const waiting = await openSocket(upgrader, "permessage-deflate");
    const busy = await openSocket(upgrader, "permessage-deflate");
    waiting.socket.emit("data", compressed(Buffer.from("begun"), false));
    clock.advance(900);
    // As a server that is busy with others sees it: no turn of the loop in between.
    busy.socket.emit("data", many(5, longest));
    waiting.socket.emit("data", encodeClientFrame({ opcode: Opcode.continuation, payload: Buffer.of(0), fin: false }));
    clock.advance(5000);
    expect([waiting.connection.state, busy.connection.state]).toEqual(["open", "open"]);
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    clock.advance(5000);
    expect([waiting.connection.state, busy.connection.state]).not.toContain("open");
    for (const { socket } of [waiting, busy]) socket.destroy();
  });

  it("lets others be served in between", async () => {
    const order: string[] = [];
    const upgrader = new Upgrader({ compression: true });
    const busy = await openSocket(upgrader, "permessage-deflate", { message: () => void order.push("long") });
    const other = await openSocket(upgrader, "permessage-deflate", { message: (_connection, message) => void order.push(message.text()) });
    busy.socket.emit("data", many(4, longest));
    other.socket.emit("data", plain("plain"));
    other.socket.emit("data", compressed(Buffer.from("short")));
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    expect(order).toEqual(["long", "plain", "short", "long", "long", "long"]);
    for (const { socket } of [busy, other]) socket.destroy();
  });
});
