import fc from "fast-check";
import { expect, it } from "vitest";
import { BatchReader, MalformedFrame } from "../../src/mesh/batch-reader.ts";
import { BatchWriter, FRAME_HEAD } from "../../src/mesh/batch-writer.ts";
import { FrameSplitter } from "../../src/mesh/frame-splitter.ts";

const messages = fc.array(
  fc.record({
    kind: fc.integer({ min: 0, max: 255 }),
    number: fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER)),
    float: fc.double({ noNaN: true }),
    text: fc.string({ unit: "grapheme", maxLength: 2000 }),
    bytes: fc.uint8Array({ maxLength: 100 }),
    rest: fc.uint8Array({ maxLength: 5000 }),
  }),
  { maxLength: 20 },
);

it("gives back what was written, however the bytes are cut on their way", () => {
  fc.assert(
    fc.property(fc.array(messages, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 5000 }), (batches, cut) => {
      const writer = new BatchWriter(4);
      const frames = batches
        .filter((batch) => batch.length > 0)
        .map((batch) => {
          for (const { kind, number, float, text, bytes, rest } of batch)
            writer.begin(kind).number(number).float(float).text(text).bytes(bytes).rawBytes(rest).end();
          return writer.take();
        });
      const all = Buffer.concat(frames);
      const came: (typeof batches)[number][] = [];
      const splitter = new FrameSplitter(1e9, (kind, frame) => {
        expect(kind).toBe(4);
        const reader = new BatchReader(frame, FRAME_HEAD);
        const batch: (typeof batches)[number] = [];
        for (let next = reader.next(); next !== undefined; next = reader.next()) {
          batch.push({
            kind: next,
            number: reader.number(),
            float: reader.float(),
            text: reader.text(),
            bytes: new Uint8Array(reader.bytes()),
            rest: new Uint8Array(reader.rawBytes()),
          });
        }
        came.push(batch);
      });
      for (let at = 0; at < all.length; at += cut) splitter.feed(all.subarray(at, at + cut));
      expect(came).toEqual(batches.filter((batch) => batch.length > 0));
    }),
    { numRuns: 60 },
  );
});

it("reads anything without harm: it gives something, or throws a MalformedFrame", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        const reader = new BatchReader(Buffer.from(bytes));
        while (reader.next() !== undefined) {
          reader.number();
          reader.text();
          reader.float();
          reader.rawText();
        }
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedFrame);
      }
    }),
    { numRuns: 500 },
  );
});

it("refuses a frame that says it is too long before it takes memory for it", () => {
  const splitter = new FrameSplitter(1000, () => expect.fail("no frame is complete"));
  expect(() => splitter.feed(Buffer.from([0x7f, 0xff, 0xff, 0xff, 4]))).toThrow("a frame of 2147483651 bytes came, where at most 1000 are allowed");
});
