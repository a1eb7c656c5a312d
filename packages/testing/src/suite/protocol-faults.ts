import { constants, deflateRawSync } from "node:zlib";
import type { CloseInfo } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { closePayload, encodeClientFrame, Opcode, type FrameInit } from "../client-frame.ts";
import type { Suite } from "./suite.ts";

const BROKEN_UTF8 = Buffer.of(0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xed, 0xa0, 0x80);
const LIMIT = 1000;

const withMask = (header: readonly number[]): Buffer => Buffer.from([...header, 0, 0, 0, 0]);

/** Each as frames or raw bytes, and the close code it must lead to. */
const faulty: readonly (readonly [title: string, input: readonly FrameInit[] | Buffer, code: number])[] = [
  ["an unmasked frame", [{ opcode: Opcode.text, payload: "bare", mask: false }], 1002],
  ["RSV1 without an extension", [{ opcode: Opcode.text, rsv: 4 }], 1002],
  ["RSV2", [{ opcode: Opcode.text, rsv: 2 }], 1002],
  ["RSV3", [{ opcode: Opcode.text, rsv: 1 }], 1002],
  ["the reserved opcode 3", [{ opcode: 3 }], 1002],
  ["the reserved opcode 11", [{ opcode: 11 }], 1002],
  ["a fragmented ping", [{ opcode: Opcode.ping, fin: false }], 1002],
  ["a ping of 126 bytes", [{ opcode: Opcode.ping, payload: "x".repeat(126) }], 1002],
  ["a continuation of nothing", [{ opcode: Opcode.continuation }], 1002],
  ["a message inside a message", [{ opcode: Opcode.text, fin: false }, { opcode: Opcode.text }], 1002],
  ["a close frame of one byte", [{ opcode: Opcode.close, payload: Buffer.of(3) }], 1002],
  ["the close code 1005", [{ opcode: Opcode.close, payload: closePayload(1005) }], 1002],
  ["the close code 1006", [{ opcode: Opcode.close, payload: closePayload(1006) }], 1002],
  ["the close code 999", [{ opcode: Opcode.close, payload: closePayload(999) }], 1002],
  ["the close code 1016", [{ opcode: Opcode.close, payload: closePayload(1016) }], 1002],
  ["invalid UTF-8 in text", [{ opcode: Opcode.text, payload: BROKEN_UTF8 }], 1007],
  [
    "invalid UTF-8 over two fragments",
    [
      { opcode: Opcode.text, payload: BROKEN_UTF8.subarray(0, 6), fin: false },
      { opcode: Opcode.continuation, payload: BROKEN_UTF8.subarray(6) },
    ],
    1007,
  ],
  ["invalid UTF-8 in a frame that has not ended", Buffer.concat([withMask([0x81, 0xe4]), BROKEN_UTF8]), 1007],
  ["a length in more bytes than it needs", withMask([0x82, 0xfe, 0, 5]), 1002],
  ["invalid UTF-8 in a close reason", [{ opcode: Opcode.close, payload: closePayload(1000, BROKEN_UTF8) }], 1007],
  ["a message over the limit", [{ opcode: Opcode.text, payload: "x".repeat(LIMIT + 1) }], 1009],
  [
    "fragments that are over the limit together",
    [
      { opcode: Opcode.binary, payload: Buffer.alloc(LIMIT), fin: false },
      { opcode: Opcode.continuation, payload: Buffer.alloc(1) },
    ],
    1009,
  ],
];

/** RFC 6455 sections 5, 7.4 and 8.1: what a client does wrong ends that client and nothing else. */
export function protocolFaults(suite: Suite): void {
  const closes = new Channel<CloseInfo>();
  // No `error` hook: nothing that a client sends may need one.
  suite.route(
    "/fault/judge",
    { message: (connection, message) => void connection.send(message), close: (_connection, info) => closes.push(info) },
    { maxMessageBytes: LIMIT },
  );

  for (const [title, input, code] of faulty) {
    suite.it(`closes with ${code} after ${title}`, async () => {
      const client = await suite.connect("/fault/judge");
      client.sendRaw(Buffer.isBuffer(input) ? input : Buffer.concat(input.map(encodeClientFrame)));
      expect((await client.closed).code).toBe(code);
      expect((await closes.next()).code).toBe(code);
      await suite.expectAlive();
    });
  }

  suite.it("ends a client that declares a length of 2^63, as a fault or as too big", async () => {
    const client = await suite.connect("/fault/judge");
    // RFC 6455 section 5.2: the top bit must be 0, so 1002; `ws` finds the length too big first.
    client.sendRaw(withMask([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]));
    expect([1002, 1009]).toContain((await client.closed).code);
    expect([1002, 1009]).toContain((await closes.next()).code);
  });

  suite.it("closes with 1009 at the declared length, before the message came", async () => {
    const client = await suite.connect("/fault/judge");
    client.sendRaw(withMask([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]));
    expect((await client.closed).code).toBe(1009);
    expect((await closes.next()).code).toBe(1009);
  });

  suite.it("takes a message of exactly the limit", async () => {
    const client = await suite.connect("/fault/judge");
    client.sendText("x".repeat(LIMIT));
    expect((await client.nextMessage()).bytes.byteLength).toBe(LIMIT);
    client.reset();
    await closes.next();
  });

  suite.it("delivers what came before the fault", async () => {
    const client = await suite.connect("/fault/judge");
    client.sendRaw(Buffer.concat([{ opcode: Opcode.text, payload: "good" }, { opcode: 3 }].map(encodeClientFrame)));
    expect((await client.nextMessage()).text).toBe("good");
    expect((await client.closed).code).toBe(1002);
    await closes.next();
  });

  const errors = new Channel<readonly [code: string, closeCode: number]>();
  suite.route("/fault/told", { error: (_connection, { code, closeCode }) => errors.push([code, closeCode]) });
  suite.it("tells the handler why, with a stable code", async () => {
    const client = await suite.connect("/fault/told");
    client.sendFrame({ opcode: Opcode.text, payload: BROKEN_UTF8 });
    expect(await errors.next()).toEqual(["ERR_UTF8", 1007]);
  });

  suite.route("/fault/fragments", {}, { maxFragments: 10 });
  suite.it("closes with 1008 after more fragments than allowed", async () => {
    const client = await suite.connect("/fault/fragments");
    client.sendFrame({ opcode: Opcode.text, payload: "x", fin: false });
    const fragment = encodeClientFrame({ opcode: Opcode.continuation, payload: "x", fin: false });
    client.sendRaw(Buffer.concat(Array.from({ length: 10 }, () => fragment)));
    expect((await client.closed).code).toBe(1008);
  });

  suite.route("/fault/deadline", {}, { messageTimeoutMs: 100 });
  suite.it("closes with 1008 when a message does not come to its end", async () => {
    const client = await suite.connect("/fault/deadline");
    client.sendFrame({ opcode: Opcode.text, payload: "begun", fin: false });
    expect((await client.closed).code).toBe(1008);
  });

  suite.route("/fault/deflate", {}, { compression: true, maxMessageBytes: 10_000 });
  const headers = { "Sec-WebSocket-Extensions": "permessage-deflate" };
  suite.it("closes with 1007 after corrupt compressed data", async () => {
    const client = await suite.connect("/fault/deflate", { headers });
    client.sendFrame({ opcode: Opcode.text, rsv: 4, payload: Buffer.from("not deflated at all") });
    expect((await client.closed).code).toBe(1007);
  });
  suite.it("closes with 1009 when a small message inflates over the limit", async () => {
    const client = await suite.connect("/fault/deflate", { headers });
    const bomb = deflateRawSync(Buffer.alloc(100_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    client.sendFrame({ opcode: Opcode.binary, rsv: 4, payload: bomb });
    expect((await client.closed).code).toBe(1009);
  });
}
