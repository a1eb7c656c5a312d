import { deflateRawSync } from "node:zlib";
import { logEvents, type ConnectionError } from "@upwire/core";
import { closePayload, encodeClientFrame, Opcode, WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { faults } from "../../src/wire/faults.ts";
import { readerOptions } from "../helpers/readers.ts";
import { serve } from "../helpers/served.ts";

const LIMITS = { maxMessageBytes: 1000, maxFragments: 3 };
const SECRET = "SECRET";
const BROKEN = Buffer.of(0xff);

type Name = keyof typeof faults;
type Case = readonly [sent: Buffer, code: number, text: string];

const begun = encodeClientFrame({ opcode: Opcode.text, payload: SECRET, fin: false });
const empty = encodeClientFrame({ opcode: Opcode.continuation, fin: false });
/** The header of a binary frame that says its length in this way. */
const lengthOf = (...bytes: readonly number[]): Buffer => Buffer.of(0x82, ...bytes, 0, 0, 0, 0);
const compressed = (payload: Buffer): Buffer => encodeClientFrame({ opcode: Opcode.binary, rsv: 4, payload });

/** For each fault what a client sends, and what it is told. */
const cases: Readonly<Record<Name, readonly Case[]>> = {
  reservedBits: [
    [encodeClientFrame({ opcode: Opcode.text, rsv: 2, payload: SECRET }), 1002, "RSV2 or RSV3 set"],
    [encodeClientFrame({ opcode: Opcode.text, rsv: 1, payload: SECRET }), 1002, "RSV2 or RSV3 set"],
  ],
  compressionNotAgreed: [[compressed(Buffer.from(SECRET)), 1002, "RSV1 set without permessage-deflate"]],
  compressedContinuation: [[Buffer.concat([begun, encodeClientFrame({ opcode: Opcode.continuation, rsv: 4 })]), 1002, "RSV1 set on a continuation"]],
  compressedControl: [[encodeClientFrame({ opcode: Opcode.ping, rsv: 4 }), 1002, "RSV1 set on a control frame"]],
  unknownOpcode: [
    ...[3, 4, 5, 6, 7].map((opcode): Case => [encodeClientFrame({ opcode, payload: SECRET }), 1002, `unknown opcode 0x${opcode}`]),
    ...["B", "C", "D", "E", "F"].map((digit): Case => [encodeClientFrame({ opcode: Number.parseInt(digit, 16) }), 1002, `unknown opcode 0x${digit}`]),
  ],
  fragmentedControl: [[encodeClientFrame({ opcode: Opcode.ping, fin: false, payload: SECRET }), 1002, "fragmented control frame"]],
  strayContinuation: [
    [encodeClientFrame({ opcode: Opcode.continuation, payload: SECRET }), 1002, "continuation without a message"],
    [Buffer.concat([encodeClientFrame({ opcode: Opcode.text }), encodeClientFrame({ opcode: Opcode.continuation })]), 1002, "continuation without a message"],
  ],
  interleavedMessage: [[Buffer.concat([begun, encodeClientFrame({ opcode: Opcode.binary })]), 1002, "new message inside a fragmented one"]],
  notMasked: [
    [encodeClientFrame({ opcode: Opcode.text, payload: SECRET, mask: false }), 1002, "client frame not masked"],
    [encodeClientFrame({ opcode: Opcode.close, mask: false }), 1002, "client frame not masked"],
  ],
  longControl: [[encodeClientFrame({ opcode: Opcode.pong, payload: SECRET.repeat(21) }), 1002, "control frame longer than 125 bytes"]],
  lengthNotShortest: [
    [lengthOf(0xfe, 0, 125), 1002, "length not in its shortest form"],
    [lengthOf(0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff), 1002, "length not in its shortest form"],
  ],
  lengthTooLong: [[lengthOf(0xff, 0x80, 0, 0, 0, 0, 0, 0, 0), 1002, "length of more than 63 bits"]],
  closeOneByte: [[encodeClientFrame({ opcode: Opcode.close, payload: Buffer.of(3) }), 1002, "close frame with a payload of one byte"]],
  closeCode: [0, 999, 1004, 1005, 1006, 1015, 2999, 65_535].map((code) => [
    encodeClientFrame({ opcode: Opcode.close, payload: closePayload(code, SECRET) }),
    1002,
    `close code ${code} may not be sent`,
  ]),
  closeReason: [[encodeClientFrame({ opcode: Opcode.close, payload: closePayload(1000, BROKEN) }), 1007, "close reason is not UTF-8"]],
  text: [
    [encodeClientFrame({ opcode: Opcode.text, payload: BROKEN }), 1007, "text is not UTF-8"],
    [Buffer.concat([begun, encodeClientFrame({ opcode: Opcode.continuation, payload: BROKEN })]), 1007, "text is not UTF-8"],
  ],
  deflate: [[compressed(Buffer.of(0xff, 0xff)), 1007, "corrupt compressed data"]],
  tooBig: [
    [encodeClientFrame({ opcode: Opcode.binary, payload: Buffer.alloc(1001) }), 1009, "message too big: more than 1000 bytes"],
    [lengthOf(0xff, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0), 1009, "message too big: more than 1000 bytes"],
    [Buffer.concat([begun, encodeClientFrame({ opcode: Opcode.continuation, payload: "x".repeat(995) })]), 1009, "message too big: more than 1000 bytes"],
  ],
  tooBigInflated: [[compressed(deflateRawSync(Buffer.alloc(1001))), 1009, "message too big: inflates to more than 1000 bytes"]],
  tooManyFragments: [[Buffer.concat([begun, empty, empty, empty]), 1008, "message in more than 3 fragments"]],
};

/** What the Receiver of `ws` says where that is less: it knows no more. It takes lengths that are not in their shortest form. */
const byWs: Readonly<Partial<Record<Name, readonly [code: number, text: string] | "taken">>> = {
  compressionNotAgreed: [1002, "RSV1 set where it may not be"],
  compressedContinuation: [1002, "RSV1 set where it may not be"],
  compressedControl: [1002, "RSV1 set where it may not be"],
  lengthNotShortest: "taken",
  lengthTooLong: [1009, "message too big"],
  closeReason: [1007, "invalid UTF-8"],
  text: [1007, "invalid UTF-8"],
  tooBig: [1009, "message too big"],
  tooBigInflated: [1009, "message too big"],
  tooManyFragments: [1008, "too many fragments"],
};

const deflated = new Set<Name>(["compressedContinuation", "compressedControl", "deflate", "tooBigInflated"]);
const all = Object.entries(cases).flatMap(([name, list]) => list.map(([sent, code, text]) => ({ name: name as Name, sent, code, text })));

describe("what is wrong with a frame", () => {
  it("has a case here for every fault that there is", () => {
    expect(Object.keys(cases)).toEqual(Object.keys(faults));
    expect(all.every(({ name, text }) => text.length > 0 && cases[name].length > 0)).toBe(true);
  });

  it.each(all)("is told to client, handler and log: $text", async ({ name, sent, code, text }) => {
    const lines: string[] = [];
    onTestFinished(logEvents({ write: (line) => void lines.push(line) }));
    const told: ConnectionError[] = [];
    const { port } = await serve({ error: (_connection, error) => void told.push(error) }, { ...LIMITS, compression: deflated.has(name) });
    const extensions = deflated.has(name) ? { "sec-websocket-extensions": "permessage-deflate" } : {};
    const client = await WireClient.connect({ port, path: "/", headers: extensions });
    client.sendRaw(sent);
    expect(await client.closed).toMatchObject({ code, reason: text });
    expect(told).toMatchObject([{ closeCode: code, message: text, detail: text }]);
    // No line of ours is the reason, and taking a stack costs more than the rest.
    expect(told[0]?.stack).not.toContain("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ event: "closure", closeCode: code, code: told[0]?.code, detail: text }]);
    expect([lines.join(), text].join()).not.toContain(SECRET);
  });

  it.each(all.filter(({ name }) => byWs[name] !== "taken"))("is told of by the reader of ws too: $text", async ({ name, sent, code, text }) => {
    const [closeCode, reason] = (byWs[name] ?? [code, text]) as readonly [number, string];
    const told: ConnectionError[] = [];
    const options = { ...LIMITS, compression: deflated.has(name), ...readerOptions.ws };
    const { port } = await serve({ error: (_connection, error) => void told.push(error) }, options);
    const extensions = deflated.has(name) ? { "sec-websocket-extensions": "permessage-deflate" } : {};
    const client = await WireClient.connect({ port, path: "/", headers: extensions });
    client.sendRaw(sent);
    expect(await client.closed).toMatchObject({ code: closeCode, reason });
    expect(told).toMatchObject([{ closeCode, message: reason, cause: { code: expect.stringMatching(/^(?:WS_ERR|Z)_/) } }]);
  });

  it("is said in at most 123 bytes, whatever the number", () => {
    for (const fault of Object.values(faults)) {
      const { text } = typeof fault === "function" ? fault(Number.MAX_SAFE_INTEGER) : fault;
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(123);
    }
  });
});
