import { turnedMask } from "./mask.ts";

/** What is taken at first. Memory grows with the bytes that came: to declare a megabyte and send a byte must not cost a megabyte. */
const FIRST_BYTES = 1024;
const EMPTY = Buffer.alloc(0);

/** Collects the payload of one message or control frame, unmasked. */
export class MessageBuffer {
  bytes: Buffer = EMPTY;
  length = 0;

  /** Makes room. @param expected Bytes of the frame that are still to come. @param now How many of them are here. */
  reserve(expected: number, now: number): void {
    const needed = this.length + now;
    if (needed <= this.bytes.byteLength) return;
    const size = now === expected && this.length === 0 ? now : Math.min(this.length + expected, Math.max(needed, FIRST_BYTES, 2 * this.length));
    const grown = Buffer.allocUnsafe(size);
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** Appends `chunk` from `start` to `end`, unmasked (RFC 6455 §5.3). @param phase Position of the first byte in its frame. */
  append(chunk: Buffer, start: number, end: number, mask: number, phase: number): void {
    const turned = turnedMask(mask, phase);
    const a = turned >>> 24;
    const b = (turned >>> 16) & 0xff;
    const c = (turned >>> 8) & 0xff;
    const d = turned & 0xff;
    const { bytes } = this;
    let to = this.length;
    let from = start;
    for (const whole = end - 3; from < whole; from += 4, to += 4) {
      bytes[to] = (chunk[from] as number) ^ a;
      bytes[to + 1] = (chunk[from + 1] as number) ^ b;
      bytes[to + 2] = (chunk[from + 2] as number) ^ c;
      bytes[to + 3] = (chunk[from + 3] as number) ^ d;
    }
    if (from < end) bytes[to++] = (chunk[from++] as number) ^ a;
    if (from < end) bytes[to++] = (chunk[from++] as number) ^ b;
    if (from < end) bytes[to++] = (chunk[from++] as number) ^ c;
    this.length = to;
  }

  /** The payload; from here on the buffer is empty. */
  take(): Buffer {
    const { bytes, length } = this;
    this.bytes = EMPTY;
    this.length = 0;
    return length === bytes.byteLength ? bytes : bytes.subarray(0, length);
  }
}
