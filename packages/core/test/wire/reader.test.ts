import { isUtf8 } from "node:buffer";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConnectionError } from "@upwire/core";
import type { FrameReader, FrameSink } from "../../src/wire/frame-reader.ts";
import { MessageReader } from "../../src/wire/message-reader.ts";
import { checkBegunUtf8 } from "../../src/wire/utf8.ts";
import { WsReader } from "../../src/ws/ws-reader.ts";
import { runs } from "../helpers/property.ts";

const LIMITS = { maxMessageBytes: 70_000, maxFragments: 8 };

interface Sent {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly fin: boolean;
}

function frame({ opcode, payload, fin }: Sent, mask = Buffer.from([0x12, 0x34, 0x56, 0x78])): Buffer {
  const length = payload.byteLength;
  const head = length < 126 ? Buffer.from([0, 0x80 | length]) : length < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
  if (head.byteLength === 4) {
    head[1] = 0xfe;
    head.writeUInt16BE(length, 2);
  } else if (head.byteLength === 10) {
    head[1] = 0xff;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  head[0] = (fin ? 0x80 : 0) | opcode;
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))]);
}

interface Log {
  readonly lines: string[];
  readonly sink: FrameSink;
}

function log(): Log {
  const lines: string[] = [];
  const sink: FrameSink = {
    onMessage: ({ bytes, isBinary }) => void lines.push(`${isBinary ? "binary" : "text"} ${bytes.toString("hex")}`),
    onPing: (data) => void lines.push(`ping ${data.toString("hex")}`),
    onPong: (data) => void lines.push(`pong ${data.toString("hex")}`),
    onClose: (code, reason) => void lines.push(`close ${code} ${reason}`),
    onFault: (error: ConnectionError) => void lines.push(`fault ${error.closeCode}`),
    onReady: () => {},
  };
  return { lines, sink };
}

const own = (sink: FrameSink): FrameReader => new MessageReader(sink, { limits: LIMITS, inflates: true, now: () => 1 });

/** Everything that `bytes` mean, cut into chunks at `cuts`. */
function read(bytes: Buffer, cuts: readonly number[]): string[] {
  const { lines, sink } = log();
  const reader = own(sink);
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.byteLength + 1)), bytes.byteLength].toSorted((a, b) => a - b)) {
    if (cut > from) reader.read(Buffer.from(bytes.subarray(from, cut)));
    from = Math.max(from, cut);
  }
  return lines;
}

async function readByWs(bytes: Buffer): Promise<string[]> {
  const { lines, sink } = log();
  const reader = new WsReader(sink, { limits: LIMITS, inflates: false });
  reader.read(bytes);
  // Its errors come a tick later.
  await new Promise((turn) => setImmediate(turn));
  return lines;
}

const payload = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(125, 126, 127, 65535, 65536, 69_999).map((length) => Buffer.alloc(length, "x")),
);
const anyFrame = fc.record({ opcode: fc.constantFrom(0, 1, 2, 8, 9, 10, 3, 11), payload, fin: fc.boolean() });

describe("our frame reader", () => {
  it("reads the same, wherever TCP cuts the stream (property)", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map((sent) => frame(sent)));
        expect(read(bytes, cuts)).toEqual(read(bytes, []));
      }),
      runs(2000),
    );
  });

  it("agrees with the Receiver of ws on every stream, but finds bad UTF-8 earlier (property)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 6 }), async (frames) => {
        const bytes = Buffer.concat(frames.map((sent) => frame(sent)));
        const ours = read(bytes, []);
        const theirs = await readByWs(bytes);
        const isEarlier = ours.at(-1) === "fault 1007" && theirs.at(-1) !== "fault 1007";
        if (isEarlier) expect(ours.slice(0, -1)).toEqual(theirs.slice(0, ours.length - 1));
        else expect(ours).toEqual(theirs);
      }),
      runs(2000),
    );
  });

  it("never throws and never goes on after a fault or a close, whatever comes (property)", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (chunks) => {
        const { lines, sink } = log();
        const reader = own(sink);
        for (const chunk of chunks) reader.read(Buffer.from(chunk));
        const end = lines.findIndex((line) => line.startsWith("fault") || line.startsWith("close"));
        expect(end === -1 || end === lines.length - 1).toBe(true);
      }),
      runs(5000),
    );
  });

  it("refuses a length that is not the shortest form", () => {
    for (const head of [
      [0x82, 0xfe, 0, 125],
      [0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
    ]) {
      expect(read(Buffer.from([...head, 0, 0, 0, 0]), [])).toEqual(["fault 1002"]);
    }
  });

  it("finds bad UTF-8 at the byte, not at the end of the message", () => {
    const { lines, sink } = log();
    const reader = own(sink);
    const whole = frame({ opcode: 1, payload: Buffer.concat([Buffer.from("good"), Buffer.from([0xed, 0xa0]), Buffer.alloc(1000, "x")]), fin: true });
    reader.read(whole.subarray(0, 13));
    expect(lines).toEqual([]);
    reader.read(whole.subarray(13, 14));
    expect(lines).toEqual(["fault 1007"]);
  });

  it("takes little memory for a message that only declares itself", () => {
    const readers = Array.from({ length: 2000 }, () => own(log().sink));
    const begun = frame({ opcode: 2, payload: Buffer.alloc(69_000), fin: true }).subarray(0, 20);
    const before = process.memoryUsage();
    for (const reader of readers) reader.read(begun);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2000 * 2048);
    expect(readers[0]?.partialSince).toBe(1);
  });

  it("stops between two messages while paused, and goes on in order", () => {
    const lines: string[] = [];
    const { sink } = log();
    const reader: MessageReader = new MessageReader(
      {
        ...sink,
        onMessage: (message) => {
          lines.push(message.text());
          reader.pause();
        },
        onReady: () => void lines.push("ready"),
      },
      { limits: LIMITS, inflates: false, now: () => 1 },
    );
    const three = Buffer.concat(["a", "b", "c"].map((text) => frame({ opcode: 1, payload: Buffer.from(text), fin: true })));
    expect(reader.read(three)).toBe(false);
    reader.resume();
    expect(lines).toEqual(["a", "b"]);
    reader.resume();
    expect(lines).toEqual(["a", "b", "c", "ready"]);
  });
});

describe("text that is still coming in", () => {
  it("is refused exactly when no continuation could make it UTF-8 (property)", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc
        .array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xa0, 0x9f, 0xed, 0xef, 0xf0, 0x90, 0x8f, 0xf4, 0xf5), { maxLength: 8 })
        .map((list) => Uint8Array.from(list)),
    );
    const completions = [
      [],
      [0x80],
      [0xbf],
      [0xa0],
      [0x90],
      [0x80, 0x80],
      [0x9f, 0x80],
      [0xa0, 0x80],
      [0x80, 0x80, 0x80],
      [0x90, 0x80, 0x80],
      [0x8f, 0x80, 0x80],
    ];
    const decodes = (list: Uint8Array): boolean => {
      try {
        new TextDecoder("utf8", { fatal: true }).decode(list);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(bytes, fc.nat(12), (list, cut) => {
        const buffer = Buffer.from(list);
        const middle = cut % (buffer.byteLength + 1);
        const first = checkBegunUtf8(buffer, 0, middle);
        const then = first < 0 ? -1 : checkBegunUtf8(buffer, first, buffer.byteLength);
        const possible = completions.some((more) => decodes(Uint8Array.from([...list, ...more])));
        expect(then >= 0).toBe(possible);
        expect(isUtf8(buffer)).toBe(decodes(list));
      }),
      runs(20_000),
    );
  });
});
