import { describe, expect, it } from "vitest";
import { FrameReader, type FrameSink } from "../src/driver/frame-reader.ts";
import { frameText } from "../src/frame-text.ts";

class Log implements FrameSink {
  readonly seen: string[] = [];
  expected(data: Buffer, at: number): void {
    this.seen.push(`expected ${data.toString("latin1", at, at + 5)}`);
  }
  message(payload: Buffer, compressed: boolean): void {
    this.seen.push(`${compressed ? "compressed" : "message"} ${payload.toString("latin1")}`);
  }
  ping(payload: Buffer): void {
    this.seen.push(`ping ${payload.toString("latin1")}`);
  }
  ended(why: string): void {
    this.seen.push(`ended ${why}`);
  }
}

const stream = Buffer.concat([
  frameText(Buffer.from("hello")),
  frameText(Buffer.from("again")),
  Buffer.from([0x89, 1, 0x70]), // a ping "p"
  Buffer.from([0x01, 2, 0x61, 0x62]), // "ab", first fragment
  Buffer.from([0x89, 0]), // a ping between fragments
  Buffer.from([0x80, 5, 0x66, 0x69, 0x66, 0x74, 0x68]), // "fifth", last fragment: as long as what is expected, but no message
  Buffer.from([0xc1, 3, 0x7a, 0x7a, 0x7a]), // "zzz", compressed
  frameText(Buffer.alloc(300, "x")),
  frameText(Buffer.from("third")),
  Buffer.from([0x88, 2, 0x03, 0xe9]), // close 1001
]);
const expected = [
  "expected hello",
  "expected again",
  "ping p",
  "ping ",
  "message abfifth",
  "compressed zzz",
  `message ${"x".repeat(300)}`,
  "expected third",
  "ended the server closed with 1001",
];

describe("FrameReader", () => {
  it.each([1, 2, 3, 5, 7, 64, stream.length])("reads the same from pieces of %i bytes, in memory that is used again", (piece) => {
    const log = new Log();
    const reader = new FrameReader(log, 5);
    const memory = Buffer.alloc(stream.length);
    for (let at = 0; at < stream.length; at += piece) {
      const bytes = stream.copy(memory, 0, at, at + piece);
      reader.read(memory, bytes);
      memory.fill(0xff);
    }
    expect(log.seen).toEqual(expected);
  });

  it("reports a masked frame", () => {
    const log = new Log();
    new FrameReader(log, 5).read(Buffer.from([0x81, 0x80, 0, 0, 0, 0]), 6);
    expect(log.seen).toContain("ended the server masked a frame");
  });
});
