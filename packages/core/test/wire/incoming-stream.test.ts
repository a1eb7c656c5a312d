import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { ConnectionError, createHub, Message, Upgrader, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { ErrorSource } from "@upwire/core/adapter";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StreamedMessage, type IncomingStream } from "../../src/wire/incoming-stream.ts";
import { FakeClock } from "../helpers/fake-clock.ts";
import { closing, serve } from "../helpers/served.ts";
import { readerOptions } from "../helpers/readers.ts";
import { deflated, taken } from "../helpers/streaming-reader.ts";
import { openSocket, read, type OpenedSocket } from "../helpers/wire-clients.ts";

const OFFER = "permessage-deflate";
const deflateRawLater = promisify(deflateRaw);
const KIB = 1024;

interface Opened extends OpenedSocket {
  readonly clock: FakeClock;
  readonly upgrader: Upgrader;
  /** What the hook got. */
  readonly messages: IncomingStream[];
  readonly reported: unknown[];
  readonly events: string[];
}

type Options = UpgraderOptions & { readonly handler?: ConnectionHandler; readonly offer?: string };

async function open({ handler, offer, ...options }: Options = {}): Promise<Opened> {
  const clock = new FakeClock();
  const [messages, reported, events]: [IncomingStream[], unknown[], string[]] = [[], [], []];
  const upgrader = new Upgrader({ clock, onError: (error: unknown, _source: ErrorSource) => void reported.push(error), ...options });
  const opened = await openSocket(upgrader, offer, {
    stream: (_connection, message) => void messages.push(message),
    error: (_connection, { code }) => void events.push(code),
    ...handler,
  });
  opened.connection.onClose(({ code }) => void events.push(`closed ${code}`));
  return { ...opened, clock, upgrader, messages, reported, events };
}

async function turns(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

const begun = (payload: Uint8Array | string, opcode: number = Opcode.binary): Buffer => encodeClientFrame({ opcode, fin: false, payload });
const more = (payload: Uint8Array | string): Buffer => encodeClientFrame({ opcode: 0, fin: false, payload });
const last = (payload: Uint8Array | string): Buffer => encodeClientFrame({ opcode: 0, payload });
const ping = encodeClientFrame({ opcode: Opcode.ping, payload: "p" });
const closeFrame = encodeClientFrame({ opcode: Opcode.close, payload: Buffer.from([0x03, 0xe8]) });

async function receive({ socket }: OpenedSocket, ...frames: readonly Buffer[]): Promise<void> {
  for (const bytes of frames) socket.receive(Buffer.from(bytes));
  await turns();
}

const firstOf = ({ messages }: Opened): IncomingStream => {
  const [message] = messages;
  if (message === undefined) throw new Error("no message came");
  return message;
};

const codeOf = (error: unknown): string => (error as { readonly code?: string }).code ?? String(error);

/** What the peer sent and nothing of ours has taken yet. */
const unread = ({ socket }: OpenedSocket): number => socket.readableLength;

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeAll(() => {
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
});
afterAll(() => {
  process.off("unhandledRejection", note);
  process.off("uncaughtException", note);
});

describe("a handler with the hook stream", () => {
  it("gets each message when the one before it has been read to its end", async () => {
    const opened = await open();
    await receive(opened, begun("one"), last(""), encodeClientFrame({ opcode: Opcode.text, payload: "two" }));
    expect(opened.messages.map(({ isBinary }) => isBinary)).toEqual([true]);
    const reader = firstOf(opened).readable.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("one");
    await turns();
    expect(opened.messages.map(({ isBinary }) => isBinary)).toEqual([true, false]);
    expect(await reader.read()).toMatchObject({ done: true });
  });

  it("gets it when the one before it is cancelled, whose rest is thrown away", async () => {
    const opened = await open();
    await receive(opened, begun("one"));
    await firstOf(opened).readable.cancel();
    for (let i = 0; i < 40; i++) await receive(opened, more(Buffer.alloc(60 * KIB)));
    await receive(opened, last("end"), encodeClientFrame({ opcode: 2, payload: "two" }));
    expect(opened.messages).toHaveLength(2);
    expect(await taken(opened.messages[1], turn)).toBe(`binary ${Buffer.from("two").toString("hex")}`);
    expect([opened.connection.state, opened.events]).toEqual(["open", []]);
  });

  it("may not have the hook message too", () => {
    expect(() => Upgrader.forRoute({ stream: () => {}, message: () => {} })).toThrow("both message and stream");
  });

  it("cannot pull its connection", async () => {
    const opened = await open();
    const iterator = opened.connection[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toThrow("come as streams");
  });

  it("gets what comes before its open has settled, and no more of that is read", async () => {
    let settle = (_value?: unknown): void => {};
    const opened = await open();
    const late: IncomingStream[] = [];
    const served = await serve({
      open: () => new Promise((resolve) => (settle = resolve)),
      stream: (_connection, message) => void late.push(message),
    });
    const client = await served.client();
    client.send("one");
    client.send("two");
    await served.nextConnection();
    await turns(20);
    expect(late).toEqual([]);
    settle();
    while (late.length === 0) await turn();
    expect(await taken(late[0], turn)).toContain("text");
    while (late.length === 1) await turn();
    expect(await taken(late[1], turn)).toBe(`text ${Buffer.from("two").toString("hex")}`);
    opened.socket.destroy();
  });

  it("gets each message in one chunk where the Receiver of ws reads", async () => {
    const got: string[] = [];
    const opened = await open({ ...readerOptions.ws, handler: { stream: async (_connection, message) => void got.push(await taken(message, turn)) } });
    await receive(opened, begun("on"), last("e"), encodeClientFrame({ opcode: 1, payload: "two" }));
    await turns(10);
    expect(got).toEqual([`binary ${Buffer.from("one").toString("hex")}`, `text ${Buffer.from("two").toString("hex")}`]);
  });

  it("gives chunks that are plain bytes, and no chunk within a character", async () => {
    const opened = await open();
    const bytes = Buffer.from("aö𝄞");
    await receive(opened, begun(bytes.subarray(0, 2), Opcode.text));
    const reader = firstOf(opened).readable.getReader();
    const texts: string[] = [];
    for (let at = 2; at < bytes.byteLength; at++) await receive(opened, more(bytes.subarray(at, at + 1)));
    await receive(opened, last(""));
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      expect(Buffer.isBuffer(next.value)).toBe(false);
      texts.push(new TextDecoder("utf8", { fatal: true }).decode(next.value));
    }
    expect(texts).toEqual(["a", "ö", "𝄞"]);
  });
});

describe("what is held of a stream that is not read", () => {
  it("is 64 KiB and one read of the socket, and the rest stays with the peer", async () => {
    const opened = await open();
    const chunk = begun(Buffer.alloc(16 * KIB));
    await receive(opened, chunk, ...Array.from({ length: 20 }, () => more(Buffer.alloc(16 * KIB))));
    expect(opened.socket.isPaused()).toBe(true);
    const held = 21 * (16 * KIB + 8) - unread(opened);
    expect(held).toBeLessThan(64 * KIB + 2 * 16 * KIB);
    const reader = firstOf(opened).readable.getReader();
    let bytes = 0;
    while (bytes < 21 * 16 * KIB) bytes += (await reader.read()).value?.byteLength ?? 0;
    expect([opened.socket.isPaused(), unread(opened)]).toEqual([false, 0]);
  });

  it("is bounded for bytes that come one by one", async () => {
    const opened = await open();
    await receive(opened, begun("x"));
    let sent = 0;
    for (; sent < 1000 && !opened.socket.isPaused(); sent++) await receive(opened, more("y"));
    expect(sent).toBeLessThan(200);
  });

  it("does not pin the blocks of the socket: a byte in a read of pings is a byte", async () => {
    const opened = await open();
    const flood = Buffer.concat(Array.from({ length: 2000 }, () => ping));
    await receive(opened, begun("x"), Buffer.concat([flood, more("y"), flood]));
    const reader = firstOf(opened).readable.getReader();
    await reader.read();
    const { value } = await reader.read();
    expect([value?.byteLength, value?.buffer.byteLength]).toEqual([1, 1]);
  });

  it("is one chunk for each read, however many fragments it has", async () => {
    const opened = await open();
    await receive(opened, Buffer.concat([begun("a"), ...Array.from({ length: 5000 }, () => more("b")), last("c")]));
    const reader = firstOf(opened).readable.getReader();
    expect((await reader.read()).value?.byteLength).toBe(5002);
    expect(await reader.read()).toMatchObject({ done: true });
    expect(opened.connection.state).toBe("open");
  });

  it("is bounded for what inflates without end", async () => {
    const opened = await open({ compression: true, offer: OFFER });
    const bomb = encodeClientFrame({ opcode: 2, rsv: 4, payload: deflated(Buffer.alloc(64 * KIB * KIB)) });
    await receive(opened, bomb);
    // By the same threads as the inflater, which takes one turn of them for each 16 KiB.
    for (let fence = 0; fence < 300; fence++) await deflateRawLater("x");
    expect(opened.upgrader.stats.bytesIn).toBeLessThan(256 * KIB);
    const reader = firstOf(opened).readable.getReader();
    let bytes = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) bytes += next.value.byteLength;
    expect(bytes).toBe(64 * KIB * KIB);
  });

  it("lets other turns of the event loop run while a bomb is read as fast as it inflates", async () => {
    const opened = await open({ compression: true, offer: OFFER });
    let turnsRun = 0;
    let isOver = false;
    const count = (): void => {
      turnsRun++;
      if (!isOver) setImmediate(count);
    };
    await receive(opened, encodeClientFrame({ opcode: 2, rsv: 4, payload: deflated(Buffer.alloc(16 * KIB * KIB)) }));
    setImmediate(count);
    await firstOf(opened).readable.pipeTo(new WritableStream());
    isOver = true;
    // 16 MiB, and half a mebibyte for each turn.
    expect(turnsRun).toBeGreaterThan(30);
  });
});

describe("control frames", () => {
  it("are answered between the fragments of a message, and behind one that is complete and not read", async () => {
    const opened = await open();
    await receive(opened, begun("one"), ping, more("two"), ping, last("three"), ping);
    expect(read(opened)).toEqual(["p", "p", "p"]);
  });

  it("end the connection behind a message that is complete and not read, which stays", async () => {
    const opened = await open({ compression: true, offer: OFFER });
    await receive(opened, encodeClientFrame({ opcode: 2, rsv: 4, payload: deflated(Buffer.from("whole")) }), closeFrame);
    while (opened.connection.isOpen) await turn();
    opened.socket.destroy();
    await turns();
    expect(opened.events).toEqual(["closed 1000"]);
    expect(await taken(firstOf(opened), turn)).toBe(`binary ${Buffer.from("whole").toString("hex")}`);
  });
});

describe("a close frame behind a message", () => {
  const echo: ConnectionHandler = {
    async stream(connection, { readable }) {
      const reader = readable.getReader();
      await turns(10);
      const { value } = await reader.read();
      expect(await reader.read()).toMatchObject({ done: true });
      connection.send(Buffer.from(value ?? []).toString());
    },
  };

  it.each(["in one read", "in two"])("waits for an application that reads it, and for its answer, when they come %s", async (how) => {
    const opened = await open({ handler: echo });
    const frames = [encodeClientFrame({ opcode: 2, payload: "answer me" }), closeFrame];
    await receive(opened, ...(how === "in two" ? frames : [Buffer.concat(frames)]));
    while (opened.connection.isOpen) await turn();
    await turns();
    expect(read(opened)).toEqual(["answer me", "close"]);
  });
});

describe("limits of a stream", () => {
  it("end one that declares more than maxStreamBytes before a byte of it came", async () => {
    const opened = await open({ maxStreamBytes: 100 });
    await receive(opened, begun(Buffer.alloc(100)));
    await receive(opened, more(Buffer.alloc(1)).subarray(0, 6));
    expect(opened.events).toEqual(["ERR_MESSAGE_TOO_BIG"]);
    expect(await taken(firstOf(opened), turn)).toBe("failed ERR_MESSAGE_TOO_BIG");
  });

  it("end one that inflates to more", async () => {
    const opened = await open({ maxStreamBytes: 100_000, compression: true, offer: OFFER });
    await receive(opened, encodeClientFrame({ opcode: 2, rsv: 4, payload: deflated(Buffer.alloc(100_001)) }));
    expect(await taken(firstOf(opened), turn)).toBe("failed ERR_MESSAGE_TOO_BIG");
    expect(opened.events).toEqual(["ERR_MESSAGE_TOO_BIG"]);
  });

  it("are not those of whole messages: maxMessageBytes and maxFragments", async () => {
    const opened = await open({ maxMessageBytes: 1, maxFragments: 1 });
    await receive(opened, begun("one"), more("two"), last("three"));
    expect(await taken(firstOf(opened), turn)).toBe(`binary ${Buffer.from("onetwothree").toString("hex")}`);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])("cannot be %j bytes", (maxStreamBytes) => {
    expect(() => new Upgrader({ maxStreamBytes })).toThrow("give a whole number from 1 to 9007199254740991");
  });

  it("end a client that sends no bytes for streamTimeoutMs, also when it sends empty fragments and pings", async () => {
    const opened = await open({ streamTimeoutMs: 1000, messageTimeoutMs: 100_000, pingIntervalMs: 0 });
    await receive(opened, begun("one"));
    const reader = firstOf(opened).readable.getReader();
    await reader.read();
    for (let i = 0; i < 7 && opened.connection.isOpen; i++) {
      opened.clock.advance(200);
      await receive(opened, more(""), ping);
    }
    expect(opened.events).toEqual(["ERR_MESSAGE_TIMEOUT"]);
    await expect(reader.read()).rejects.toMatchObject({ code: "ERR_MESSAGE_TIMEOUT" });
  });

  it("leave one alone that sends a byte in that time, for longer than messageTimeoutMs", async () => {
    const opened = await open({ streamTimeoutMs: 1000, messageTimeoutMs: 2000, pingIntervalMs: 0 });
    await receive(opened, begun("one"));
    const reading = taken(firstOf(opened), turn);
    for (let i = 0; i < 10; i++) {
      opened.clock.advance(600);
      await receive(opened, more("x"));
    }
    await receive(opened, last(""));
    expect([await reading, opened.events]).toEqual([`binary ${Buffer.from("onexxxxxxxxxx").toString("hex")}`, []]);
  });

  it("do not run while the application does not read", async () => {
    const opened = await open({ streamTimeoutMs: 1000, pongTimeoutMs: 1000, pingIntervalMs: 500, idleTimeoutMs: 1000 });
    await receive(opened, begun(Buffer.alloc(100 * KIB)), more(Buffer.alloc(100 * KIB)));
    for (let i = 0; i < 100; i++) {
      opened.clock.advance(500);
      await turn();
    }
    expect(opened.connection.state).toBe("open");
    // From now on it is the client that is waited for.
    const reading = taken(firstOf(opened), turn);
    await turns(10);
    opened.clock.advance(500);
    expect(opened.connection.state).toBe("open");
    opened.clock.advance(1500);
    expect([await reading, opened.connection.isOpen]).toEqual([expect.stringContaining("failed ERR_"), false]);
  });

  it("hold a client back that sends more than its rate, and never end it for one long message", async () => {
    const opened = await open({ rateLimit: { bytesPerSecond: 1000, byteBurst: 1000, patienceMs: 100 }, pingIntervalMs: 0 });
    await receive(opened, begun(Buffer.alloc(2000)));
    expect(opened.socket.isPaused()).toBe(true);
    const reading = taken(firstOf(opened), turn);
    for (let i = 0; i < 30; i++) {
      await receive(opened, more(Buffer.alloc(500)));
      opened.clock.advance(500);
    }
    await receive(opened, last(""));
    opened.clock.advance(5000);
    await turns();
    expect([(await reading).length, opened.connection.state, opened.upgrader.stats.throttled > 5]).toEqual(["binary ".length + 2 * 17_000, "open", true]);
  });
});

/** How a connection ends in the middle of a message, and what the stream fails with. */
const ends: Readonly<Record<string, readonly [(opened: Opened) => unknown, string]>> = {
  "a close frame of the client": [(opened) => receive(opened, closeFrame), "ERR_MESSAGE_CUT"],
  "the client's end": [({ socket }) => socket.push(null), "ERR_MESSAGE_CUT"],
  "a reset": [({ socket }) => socket.destroy(Object.assign(new Error("reset"), { code: "ECONNRESET" })), "ERR_SOCKET"],
  "a protocol fault": [(opened) => receive(opened, encodeClientFrame({ opcode: 3 })), "ERR_PROTOCOL"],
  "a text that is none": [(opened) => receive(opened, more(Buffer.from([0xff]))), "ERR_UTF8"],
  "a text that ends within a character": [(opened) => receive(opened, last(Buffer.from([0xc3]))), "ERR_UTF8"],
  "another message within it": [(opened) => receive(opened, begun("two")), "ERR_PROTOCOL"],
  "connection.close": [({ connection }) => connection.close(4000), "ERR_MESSAGE_CUT"],
  "connection.terminate": [({ connection }) => connection.terminate(), "ERR_MESSAGE_CUT"],
  "the end of its hub": [
    ({ connection }) => {
      const hub = createHub();
      hub.add(connection);
      void hub.close({ graceMs: 0 });
    },
    "ERR_MESSAGE_CUT",
  ],
  "a message that stalls": [({ clock }) => clock.advance(40_000), "ERR_MESSAGE_TIMEOUT"],
};

/** What an application does with a stream, and how it is told of the end: by a code, or not at all. */
const holders: Readonly<Record<string, (message: IncomingStream) => Promise<string>>> = {
  "reads it": (message) => taken(message, () => Promise.resolve()),
  async "waits for a chunk"(message) {
    const reader = message.readable.getReader();
    await reader.read();
    return reader.read().then(
      () => "a chunk",
      (error: unknown) => `failed ${codeOf(error)}`,
    );
  },
  async "has a reader and does not read"(message) {
    const reader = message.readable.getReader();
    await turns(30);
    return reader.read().then(
      () => "a chunk",
      (error: unknown) => `failed ${codeOf(error)}`,
    );
  },
  async "does not touch it"(message) {
    await turns(30);
    return taken(message, turn);
  },
  "pipes it": (message) =>
    message.readable.pipeTo(new WritableStream()).then(
      () => "all",
      (error: unknown) => `failed ${codeOf(error)}`,
    ),
  async "pipes it through"(message) {
    const reader = message.readable.pipeThrough(new TransformStream()).getReader();
    for (;;) {
      const next = await reader.read().catch((error: unknown) => `failed ${codeOf(error)}`);
      if (typeof next === "string") return next;
      if (next.done) return "all";
    }
  },
  async "reads two branches"(message) {
    const [one, other] = message.readable.tee();
    const [first, second] = await Promise.all([one, other].map((readable) => taken({ isBinary: true, readable }, turn)));
    expect(first).toBe(second);
    return first ?? "";
  },
};

describe("a stream whose connection ends in the middle, by", () => {
  for (const [end, [bring, code]] of Object.entries(ends)) {
    // oxlint-disable-next-line vitest/valid-title -- a row of the table above
    it.each(Object.keys(holders))(`${end}, fails at an application that %s`, async (holder) => {
      const got: Promise<string>[] = [];
      const opened = await open({
        pingIntervalMs: 0,
        handler: { stream: (_connection, message) => void got.push(holders[holder]?.(message) ?? Promise.reject(new Error(holder))) },
      });
      await receive(opened, begun("begun", Opcode.text));
      expect(got).toHaveLength(1);
      await bring(opened);
      expect(await got[0]).toBe(`failed ${code}`);
      opened.clock.advance(10_000);
      await turns(10);
      expect([opened.connection.state, opened.reported, unhandled.splice(0)]).toEqual(["closed", [], []]);
    });
  }

  it.each(Object.keys(ends))("%s, is no fault of a hook that lets it through", async (end) => {
    const opened = await open({
      pingIntervalMs: 0,
      handler: {
        async stream(_connection, { readable }) {
          let bytes = 0;
          for await (const { byteLength } of readable) bytes += byteLength;
        },
      },
    });
    await receive(opened, begun("begun", Opcode.text));
    await ends[end]?.[0](opened);
    opened.clock.advance(10_000);
    await turns(10);
    expect([opened.connection.state, opened.reported, opened.upgrader.stats.ended["ERR_HANDLER"], unhandled.splice(0)]).toEqual(["closed", [], undefined, []]);
  });
});

describe("a hook stream", () => {
  const fault = new Error("a fault of the hook");

  it.each<[string, NonNullable<ConnectionHandler["stream"]>]>([
    [
      "throws",
      () => {
        throw fault;
      },
    ],
    ["rejects", () => Promise.reject(fault)],
    [
      "rejects in the middle",
      async (_connection, { readable }) => {
        for await (const { byteLength } of readable) if (byteLength > 0) throw fault;
      },
    ],
    [
      "rejects and holds a reader",
      async (_connection, { readable }) => {
        await readable.getReader().read();
        throw fault;
      },
    ],
  ])("that %s is reported, and ends the connection with 1011", async (_name, stream) => {
    const kept: IncomingStream[] = [];
    const opened = await open({
      handler: {
        stream: (connection: Connection, message) => {
          kept.push(message);
          return stream(connection, message);
        },
      },
    });
    await receive(opened, begun("begun"), more("more"));
    expect([opened.reported, opened.events]).toEqual([[fault], ["ERR_HANDLER"]]);
    opened.clock.advance(10_000);
    await turns(10);
    expect(opened.connection.closeInfo?.code).toBe(1011);
    expect(unhandled.splice(0)).toEqual([]);
  });

  it("that throws a ConnectionError ends the connection with that", async () => {
    const opened = await open({
      handler: {
        stream() {
          throw new ConnectionError("ERR_JSON");
        },
      },
    });
    await receive(opened, begun("begun"));
    expect([opened.reported, opened.events]).toEqual([[], ["ERR_JSON"]]);
  });
});

describe("the end of a server", () => {
  it("does not wait for a stream that is not read", async () => {
    const messages: IncomingStream[] = [];
    const served = await serve({ stream: (_connection, message) => void messages.push(message) });
    const client = await served.client();
    client.send(Buffer.alloc(500 * KIB), { fin: false });
    while (messages.length === 0) await turn();
    const closed = closing(client);
    await served.attachment.shutdown({ spreadMs: 0, graceMs: 2000 });
    expect((await closed).code).toBe(1012);
    expect(await taken(messages[0], turn)).toBe("failed ERR_MESSAGE_CUT");
  });

  it("is told to a client at once, whose complete messages are not read", async () => {
    const opened = await open();
    await receive(opened, encodeClientFrame({ opcode: 2, payload: "one" }), encodeClientFrame({ opcode: 2, payload: "two" }));
    opened.connection.close(1001);
    await receive(opened, closeFrame);
    expect(opened.connection.closeInfo ?? opened.socket.writableEnded).toBeTruthy();
    expect(await taken(firstOf(opened), turn)).toBe(`binary ${Buffer.from("one").toString("hex")}`);
    expect(opened.messages).toHaveLength(1);
  });
});

describe("the source of a stream", () => {
  it("is taken when its last chunk is, before the application asks for more", async () => {
    const message = StreamedMessage.of(new Message(Buffer.from("whole"), true));
    const reader = message.shown.readable.getReader();
    expect(message.isTaken).toBe(false);
    await reader.read();
    expect(message.isTaken).toBe(true);
    await reader.closed;
  });

  it("shows the application nothing but the message", () => {
    const { shown } = StreamedMessage.of(new Message(Buffer.from("whole"), true));
    expect(Object.keys(shown)).toEqual(["isBinary", "readable"]);
    expect(Object.isFrozen(shown)).toBe(true);
  });
});
