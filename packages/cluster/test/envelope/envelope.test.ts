import { decodeBody, decodeEnvelope, encodeBody, encodeEnvelope, engineHead, type Envelope } from "@upwire/cluster/envelope";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vectors } from "./vectors.ts";

describe("envelope vectors", () => {
  for (const { title, hex, envelope, written } of vectors) {
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    it(`read: ${title}`, () => expect(decodeEnvelope(bytes)).toEqual(envelope));
    if (written === false || envelope === undefined || envelope.kind === "newer") continue;
    it(`written: ${title}`, () => expect(encodeEnvelope(envelope).toString("hex")).toBe(bytes.toString("hex")));
  }
});

const name = fc.stringMatching(/^[A-Za-z0-9_-]{8,32}$/);
const text = fc.string({ unit: "binary", maxLength: 200 });
const data = fc.oneof(text, fc.uint8Array({ maxLength: 200 }));
const item = fc.record({
  data,
  origin: fc.option(
    fc.string({ unit: "binary", maxLength: 64 }).filter((origin) => origin.length <= 64),
    { nil: undefined },
  ),
});
const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const age = fc.integer({ min: 0, max: 2 ** 40 });
const envelopes: fc.Arbitrary<Exclude<Envelope, { kind: "newer" }>> = fc.oneof(
  fc.record({
    kind: fc.constant("publications" as const),
    node: name,
    first: fc.option(number, { nil: undefined }),
    earlierMs: fc.option(age, { nil: undefined }),
    position: fc.option(fc.record({ epoch: name, offset: number }), { nil: undefined }),
    run: fc.option(fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/), { nil: undefined }),
    skipped: fc.option(number, { nil: undefined }),
    items: fc.array(item, { maxLength: 20 }),
  }),
  fc.record({ kind: fc.constant("tops" as const), node: name, tops: fc.array(fc.record({ topic: text, number, ageMs: age }), { maxLength: 20 }) }),
  fc.record({ kind: fc.constant("control" as const), node: name, data: fc.uint8Array({ maxLength: 300 }) }),
);

describe("encodeEnvelope and decodeEnvelope", () => {
  it("give back every envelope", () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
      }),
    );
  });

  it("give back every body", () => {
    fc.assert(
      fc.property(fc.array(item), (items) => {
        expect(decodeBody(encodeBody(items))).toEqual(items);
      }),
    );
    expect(decodeBody(Uint8Array.of(5, 0, 1))).toBeUndefined();
  });

  it("give back what a script inside an engine put together", () => {
    const { start, header } = engineHead("node-0001");
    const offset = Buffer.alloc(8);
    offset.writeBigUInt64BE(258n);
    const whole = Buffer.concat([header, Buffer.from("\x08epoch123"), offset, Buffer.from("\x02r1")]);
    const items = [
      { data: "a", origin: "o" },
      { data: Uint8Array.of(1), origin: undefined },
    ];
    expect(decodeEnvelope(Buffer.concat([start, Buffer.of(whole.byteLength), whole, encodeBody(items)]))).toEqual({
      kind: "publications",
      node: "node-0001",
      first: undefined,
      earlierMs: undefined,
      position: { epoch: "epoch123", offset: 258 },
      run: "r1",
      skipped: undefined,
      items,
    });
  });

  it("give back a publication of 1 MiB, and bytes that lie inside others", () => {
    const large = Buffer.alloc(1024 * 1024 + 100, 7).subarray(50, 50 + 1024 * 1024);
    const bytes = encodeEnvelope({ kind: "control", node: "node-0001", data: large });
    const inside = Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(3)]).subarray(3, 3 + bytes.byteLength);
    const envelope = decodeEnvelope(inside);
    expect(envelope?.kind === "control" && Buffer.compare(envelope.data, large)).toBe(0);
  });

  it("take a half of a surrogate pair for U+FFFD, as a WebSocket does", () => {
    expect(decodeBody(encodeBody([{ data: "a\ud800", origin: undefined }]))?.[0]?.data).toBe("a\ufffd");
  });

  it("never throw, and answer with nothing or something whole, for bytes of any kind", () => {
    const started = fc.tuple(fc.constantFrom(1, 2, 3, 4), fc.uint8Array({ maxLength: 60 })).map(([kind, rest]) => Uint8Array.of(0x75, 0x77, 1, kind, ...rest));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), started), (bytes) => void decodeEnvelope(bytes)),
      { numRuns: 3000 },
    );
  });

  it("never throw for an envelope of ours that was cut or changed", () => {
    fc.assert(
      fc.property(envelopes, fc.nat(), fc.integer({ min: 1, max: 255 }), (envelope, place, change) => {
        const bytes = encodeEnvelope(envelope);
        decodeEnvelope(bytes.subarray(0, place % bytes.byteLength));
        bytes[place % bytes.byteLength] = (bytes[place % bytes.byteLength] ?? 0) ^ change;
        decodeEnvelope(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});
