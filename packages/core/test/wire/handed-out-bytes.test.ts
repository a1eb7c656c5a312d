import { readdirSync, readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { createHub, PreparedMessage, Upgrader, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { FakeSocket } from "../helpers/fake-socket.ts";
import { readerOptions } from "../helpers/readers.ts";
import { openSocket, read } from "../helpers/wire-clients.ts";

type Bytes = Uint8Array;
type Take = (bytes: Bytes) => void;

const LONG = 20_000;
const long = "L".repeat(LONG);
const frame = (payload: string, opcode: number = Opcode.text): Buffer => encodeClientFrame({ opcode, payload });

/** What comes first, and how it is taken. */
interface WayIn {
  readonly first: Buffer;
  readonly handler: (take: Take) => ConnectionHandler;
}

/** Every way in which bytes of a read reach an application. The rest of the read is echoed. */
const waysIn: Readonly<Record<string, WayIn>> = {
  "Message.bytes": {
    first: frame(long, Opcode.binary),
    handler: (take) => ({ message: (connection, message) => (message.isBinary ? take(message.bytes) : void connection.send(message)) }),
  },
  "IncomingStream.readable": {
    // Most of its read.
    first: frame(long + long, Opcode.binary),
    handler: (take) => ({
      async stream(connection, { isBinary, readable }) {
        for await (const chunk of readable as unknown as AsyncIterable<Bytes>) {
          if (isBinary) take(chunk);
          else connection.send(Buffer.from(chunk).toString());
        }
      },
    }),
  },
  "ConnectionHandler.ping": {
    first: frame("ping data", Opcode.ping),
    handler: (take) => ({ ping: (_connection, data) => take(data), message: (connection, message) => void connection.send(message) }),
  },
  "ConnectionHandler.pong": {
    first: frame("pong data", Opcode.pong),
    handler: (take) => ({ pong: (_connection, data) => take(data), message: (connection, message) => void connection.send(message) }),
  },
};

/** Of the bytes in public declarations those that are no way in, and why. */
const others: Readonly<Record<string, string>> = {
  "PreparedMessage.payload": "a row of its own below",
  "PreparedMessage.frame": "for core: all connections share it",
  "Message.copyTo": "copies",
  "Message.payloadOf": "for core",
  "PreparedMessage.payloadOf": "for core",
};

/** What the classes and interfaces that applications get say that they have of bytes. */
function declaredBytes(): string[] {
  const root = new URL("../../src/", import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const found: string[] = [];
  for (const owner of [
    "Message",
    "PreparedMessage",
    "Connection",
    "ConnectionHandler",
    "IncomingStream",
    "UpwireEvents",
    "UpgradeRequest",
    "ConnectionRequest",
  ]) {
    const bodies = files.flatMap(
      (file) => new RegExp(`export (?:class|interface) ${owner}\\b[^]*?\\n\\}`).exec(readFileSync(new URL(file, root), "utf8"))?.[0] ?? [],
    );
    expect(bodies).toHaveLength(1);
    for (const [, name, rest] of (bodies[0] ?? "").matchAll(/^ {2}(?:readonly |static |get )*(\w+)\??(.*\b(?:Buffer|Uint8Array|ArrayBuffer)\b.*)$/gm)) {
      // What is only taken, and no member that hands out.
      if (name !== "constructor" && (/\)?: .*(?:Buffer|Uint8Array)\S*(?: \{|;)$/.test(rest ?? "") || owner === "ConnectionHandler" || name === "copyTo"))
        found.push(`${owner}.${name}`);
    }
  }
  return found;
}

async function echoed(options: UpgraderOptions, handler: ConnectionHandler, first: Buffer): Promise<string[]> {
  const opened = await openSocket(new Upgrader(options), undefined, handler, new FakeSocket(1 << 20));
  opened.socket.receive(Buffer.concat([first, frame("a"), frame(long), frame("b")]));
  for (let turns = 0; turns < 30; turns++) await turn();
  opened.socket.receive(frame("later"));
  for (let turns = 0; turns < 10; turns++) await turn();
  const all = Buffer.concat(opened.socket.written);
  // Without the answer to a ping.
  const written = [all[0] === 0x8a ? all.subarray(2 + (all[1] ?? 0)) : all];
  return read({ socket: { written }, extensions: "" });
}

describe("bytes that an application gets", () => {
  it("are all in the table", () => {
    expect(declaredBytes().toSorted()).toEqual([...Object.keys(waysIn), ...Object.keys(others)].toSorted());
  });

  const rows = Object.entries(waysIn).flatMap(([way, wayIn]) => (["own", "ws"] as const).map((reader) => [way, reader, wayIn] as const));
  it.each(rows)("lie in a block of their own, and go with nothing else when they are transferred: %s, reader %s", async (_way, reader, { first, handler }) => {
    const strangers: number[] = [];
    let taken = 0;
    const got = await echoed(
      readerOptions[reader],
      handler((bytes) => {
        taken += bytes.byteLength;
        // The header of its own frame may stand in front.
        strangers.push(Math.max(0, bytes.buffer.byteLength - bytes.byteLength - 14));
        structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
      }),
      first,
    );
    expect(taken).toBeGreaterThan(0);
    expect(strangers.every((count) => count === 0)).toBe(true);
    expect(got.join("").replaceAll(long, "LONG")).toBe("aLONGblater");
  });

  it("of a message are made once, and not for text, JSON or sending it on", async () => {
    const seen: unknown[] = [];
    await echoed(
      {},
      {
        message: (_connection, message) => void seen.push(message.text().length, message.bytes === message.bytes, message.bytes.toString() === message.text()),
      },
      frame("x"),
    );
    expect(seen.slice(0, 3)).toEqual([1, true, true]);
  });

  it("of a message are gone when they were transferred: it says so, and nothing else is sent in their place", async () => {
    const told: string[] = [];
    const got = await echoed(
      {},
      {
        message(connection, message) {
          if (!message.isBinary) return void connection.send(message);
          structuredClone(message.bytes.buffer, { transfer: [message.bytes.buffer] });
          for (const use of [
            () => message.bytes,
            () => message.text(),
            () => message.json(),
            () => connection.send(message),
            () => createHub().broadcast(message),
          ]) {
            try {
              use();
              told.push("nothing");
            } catch (error) {
              told.push((error as Error).name);
            }
          }
          return undefined;
        },
      },
      frame(long, Opcode.binary),
    );
    expect(told).toEqual(Array(5).fill("TypeError"));
    expect(got.join("").replaceAll(long, "LONG")).toBe("aLONGblater");
  });

  it("of a prepared message are a copy: all others still get it", async () => {
    const prepared = new PreparedMessage(long);
    const { payload } = prepared;
    expect(payload.buffer.byteLength).toBe(LONG);
    structuredClone(payload.buffer, { transfer: [payload.buffer] });
    const opened = await openSocket(new Upgrader(), undefined, {}, new FakeSocket(1 << 20));
    opened.connection.send(prepared);
    await turn();
    await turn();
    expect(read(opened)).toEqual([long]);
  });
});

class LyingBytes extends Uint8Array {
  override get byteLength(): number {
    return 100_000;
  }
}

class LyingBlob extends Blob {
  readonly #size: number;
  constructor(size: number) {
    super(["blob"]);
    this.#size = size;
  }
  override get size(): number {
    return this.#size;
  }
}

const transferred = (): Bytes => {
  const bytes = new Uint8Array([1, 2, 3]);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
};

const waysOut: Readonly<Record<string, (connection: Connection, bytes: Bytes) => unknown>> = {
  send: (connection, bytes) => connection.send(bytes),
  "send with options": (connection, bytes) => connection.send(bytes, { missed: () => {} }),
  broadcast: (connection, bytes) => {
    const hub = createHub();
    hub.add(connection);
    return hub.broadcast(bytes);
  },
  PreparedMessage: (connection, bytes) => connection.send(new PreparedMessage(bytes)),
};

describe("bytes that an application gives", () => {
  it.each(Object.entries(waysOut))("and that were transferred are a TypeError, and no message: %s", async (_way, use) => {
    const opened = await openSocket(new Upgrader(), undefined, {}, new FakeSocket(1 << 20));
    expect(() => use(opened.connection, transferred())).toThrow(TypeError);
    expect(() => use(opened.connection, Object.create(Uint8Array.prototype) as Bytes)).toThrow(TypeError);
    opened.connection.send("next");
    await turn();
    expect(read(opened)).toEqual(["next"]);
  });

  it.each(Object.entries(waysOut))("are as many as there are, and may be changed behind the call: %s", async (_way, use) => {
    const opened = await openSocket(new Upgrader(), undefined, {}, new FakeSocket(1 << 20));
    const bytes = new LyingBytes([0x61, 0x62]);
    use(opened.connection, bytes);
    bytes[0] = 0;
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(read(opened)).toEqual(["ab"]);
  });

  it("to a writer are as many as there are", async () => {
    const opened = await openSocket(new Upgrader(), undefined, {}, new FakeSocket(1 << 20));
    const writer = opened.connection.createWriter("binary");
    writer.write(Object.defineProperty(Buffer.from("ab"), "byteLength", { value: 50_000 }));
    writer.end();
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(read(opened)).toEqual(["ab"]);
  });

  it.each([Number.NaN, -5, Infinity])("as a Blob that says %s of its size count for what they are", async (size) => {
    const upgrader = new Upgrader();
    const opened = await openSocket(upgrader, undefined, {}, new FakeSocket(1 << 20));
    opened.connection.send(new LyingBlob(size));
    expect(opened.connection.bufferedBytes).toBe(4);
    for (let turns = 0; turns < 5; turns++) await turn();
    expect([read(opened), upgrader.stats.bytesOut, opened.connection.bufferedBytes]).toEqual([["blob"], 4, 0]);
  });
});
