import { encodeClientFrame, Opcode } from "@upwire/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCloseFrame, encodeFrame, encodeTextFrame, payloadOf } from "../../src/wire/frame.ts";
import { MessageReader } from "../../src/wire/message-reader.ts";
import { runs } from "../helpers/property.ts";

const LIMITS = { maxMessageBytes: 1 << 20, maxFragments: 64 };

/** Everything that `bytes` mean when they come cut at `cuts`. */
function read(bytes: Buffer, cuts: readonly number[]): string[] {
  const lines: string[] = [];
  const reader = new MessageReader(
    {
      onMessage: (message) => void lines.push(`${message.isBinary ? "binary" : "text"} ${message.bytes.toString("hex")}`),
      onPing: (data) => void lines.push(`ping ${data.toString("hex")}`),
      onPong: (data) => void lines.push(`pong ${data.toString("hex")}`),
      onClose: (code, reason) => void lines.push(`close ${code} ${reason}`),
      onFault: (error) => void lines.push(`fault ${error.closeCode}`),
      onReady: () => {},
    },
    { limits: LIMITS, inflates: false, now: () => 1 },
  );
  const ends = [...cuts.map((cut) => cut % (bytes.byteLength + 1)), bytes.byteLength].toSorted((a, b) => a - b);
  // The reader unmasks in place: each chunk is its own, as from a socket.
  for (const [index, end] of ends.entries()) reader.read(Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)));
  return lines;
}

/** A server's frame as a client would have sent it. */
function masked(frame: Buffer, key: Buffer): Buffer {
  const payload = payloadOf(frame);
  const head = Buffer.from(frame.subarray(0, frame.byteLength - payload.byteLength));
  head[1] = (head[1] ?? 0) | 0x80;
  return Buffer.concat([head, key, payload.map((byte, at) => byte ^ (key[at & 3] ?? 0))]);
}

const key = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.from(bytes));
const cuts = fc.array(fc.nat(), { maxLength: 12 });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((list) => Buffer.from(list)),
  fc.constantFrom(125, 126, 127, 65_535, 65_536, 65_537).map((length) => Buffer.alloc(length, "öl")),
);

describe("a frame", () => {
  it("that was encoded is read as what it was, wherever TCP cuts it (property)", () => {
    fc.assert(
      fc.property(bytes, fc.string({ unit: "binary", maxLength: 200 }), key, cuts, (payload, text, mask, at) => {
        const binary = encodeFrame(Opcode.binary, payload);
        const frames = [binary, encodeTextFrame(text), encodeFrame(Opcode.ping, payload.subarray(0, 125)), encodeCloseFrame(4000, text.slice(0, 40))];
        expect(payloadOf(binary).equals(payload)).toBe(true);
        expect(read(Buffer.concat(frames.map((frame) => masked(frame, mask))), at)).toEqual([
          `binary ${payload.toString("hex")}`,
          `text ${Buffer.from(text).toString("hex")}`,
          `ping ${payload.subarray(0, 125).toString("hex")}`,
          // Lone surrogates are none in UTF-8.
          `close 4000 ${Buffer.from(text.slice(0, 40)).toString()}`,
        ]);
      }),
      runs(200),
    );
  });
});

describe("a message", () => {
  it("is put together from its fragments, with pings and pongs between them (property)", () => {
    const control = fc.record({
      opcode: fc.constantFrom(Opcode.ping, Opcode.pong),
      payload: fc.uint8Array({ maxLength: 125 }).map((list) => Buffer.from(list)),
    });
    const message = fc.record({
      text: fc.string({ unit: "grapheme", maxLength: 60 }),
      isBinary: fc.boolean(),
      splits: fc.array(fc.nat(), { maxLength: 5 }),
      between: fc.array(control, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), cuts, (messages, at) => {
        const wire: Buffer[] = [];
        const expected: string[] = [];
        for (const { text, isBinary, splits, between } of messages) {
          const payload = Buffer.from(text);
          const ends = [...splits.map((split) => split % (payload.byteLength + 1)), payload.byteLength].toSorted((a, b) => a - b);
          for (const [index, end] of ends.entries()) {
            const fin = index === ends.length - 1;
            const opcode = index > 0 ? Opcode.continuation : isBinary ? Opcode.binary : Opcode.text;
            wire.push(encodeClientFrame({ opcode, fin, payload: payload.subarray(ends[index - 1] ?? 0, end) }));
            const ping = between[index];
            if (fin || ping === undefined) continue;
            wire.push(encodeClientFrame(ping));
            expected.push(`${ping.opcode === Opcode.ping ? "ping" : "pong"} ${ping.payload.toString("hex")}`);
          }
          expected.push(`${isBinary ? "binary" : "text"} ${payload.toString("hex")}`);
        }
        expect(read(Buffer.concat(wire), at)).toEqual(expected);
      }),
      runs(1000),
    );
  });
});
