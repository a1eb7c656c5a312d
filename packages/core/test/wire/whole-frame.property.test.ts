import { encodeClientFrame } from "@upwire/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FrameSink } from "../../src/wire/frame-reader.ts";
import { MessageReader } from "../../src/wire/message-reader.ts";
import { runs } from "../helpers/property.ts";

const LIMITS = { maxMessageBytes: 300, maxFragments: 4 };

/** What a reader makes of a stream, and how many of its messages came by the fast path: those lie in what was read. */
interface Outcome {
  readonly lines: readonly string[];
  readonly fast: number;
}

function read(chunks: readonly Buffer[]): Outcome {
  const lines: string[] = [];
  let fast = 0;
  let chunk = Buffer.alloc(0);
  const sink: FrameSink = {
    onMessage({ bytes, isBinary }) {
      if (bytes.buffer === chunk.buffer) fast++;
      lines.push(`${isBinary ? "binary" : "text"} ${bytes.toString("hex")}`);
    },
    onPing: (data) => void lines.push(`ping ${data.toString("hex")}`),
    onPong: (data) => void lines.push(`pong ${data.toString("hex")}`),
    onClose: (code, reason) => void lines.push(`close ${code} ${reason}`),
    onFault: ({ code, detail }) => void lines.push(`fault ${code}: ${String(detail)}`),
    onReady: () => {},
  };
  const reader = new MessageReader(sink, { limits: LIMITS, inflates: false, now: () => 1 });
  for (const part of chunks) {
    // A block of its own, which the reader may change.
    chunk = Buffer.from(new Uint8Array(part).buffer);
    reader.read(chunk);
  }
  lines.push(`partial: ${reader.partialSince !== 0}`);
  return { lines, fast };
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => cut % (bytes.byteLength + 1)), bytes.byteLength].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter(({ byteLength }) => byteLength > 0);
}

const payload = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(0, 124, 125, 126, 127, 299, 300, 301).map((length) => Buffer.alloc(length, "é")) },
);
/** Most are messages in one frame; some bits are wrong. */
const frame = fc.record({
  opcode: fc.oneof({ weight: 15, arbitrary: fc.constantFrom(1, 2) }, { weight: 1, arbitrary: fc.nat(15) }),
  fin: fc.oneof({ weight: 15, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  rsv: fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(7) }),
  mask: fc.oneof({ weight: 30, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  payload,
});
/** A length of two bytes, which may be too short for that. */
const longForm = fc.integer({ min: 100, max: 150 }).map((length) => Buffer.concat([Buffer.of(0x82, 0xfe, 0, length, 0, 0, 0, 0), Buffer.alloc(length)]));
const wire = fc.oneof({ weight: 15, arbitrary: frame.map((sent) => encodeClientFrame(sent)) }, { weight: 1, arbitrary: longForm });
const flip = fc.option(fc.record({ at: fc.nat(), byte: fc.nat(255) }));
const stream = fc.record({ frames: fc.array(wire, { maxLength: 6 }), flip, rest: fc.uint8Array({ maxLength: 12 }) }).map(({ frames, flip: wrong, rest }) => {
  const bytes = Buffer.concat([...frames, rest]);
  if (wrong !== null && bytes.byteLength > 0) bytes[wrong.at % bytes.byteLength] = wrong.byte;
  return bytes;
});

describe("the fast path of whole frames", () => {
  it("gives what the parser gives, for any bytes and wherever TCP cuts them (property)", { timeout: 30_000 }, () => {
    let fast = 0;
    let tried = 0;
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
        // A frame of which only a byte is here is the parser's.
        const parsed = read(cutAt(bytes, Array.from(bytes.keys())));
        const whole = read([bytes]);
        const cut = read(cutAt(bytes, cuts));
        tried++;
        fast += whole.fast;
        expect(parsed.fast).toBe(0);
        expect(whole.lines).toEqual(parsed.lines);
        expect(cut.lines).toEqual(parsed.lines);
      }),
      runs(500),
    );
    // Else the two would be one and the same.
    expect(fast).toBeGreaterThan(tried / 2);
  });
});
