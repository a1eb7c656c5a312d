import type { Dialect } from "./dialect.ts";
import { maskedFrame } from "./masked-frame.ts";
import { STAMP_BYTES, writeStamp } from "./stamp.ts";

const WORDS = ["price", "volume", "open", "high", "low", "close", "symbol", "exchange", "currency", "timestamp", "bid", "ask"];

/** Text of `bytes` characters that stands in a JSON string unescaped. Compressible about as much as real JSON is. */
export function filler(bytes: number): string {
  let text = "";
  // A little generator of our own, so that every run sends the same bytes.
  let state = 12345;
  while (text.length < bytes) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    text += `${WORDS[state % WORDS.length]}:${state % 100_000},`;
  }
  return text.slice(0, bytes);
}

/** Frames of one size, with a stamp each. */
export class PayloadFactory {
  /** Changed by every frame: the stamp in it is that of the last one. */
  readonly message: Buffer;
  readonly stampAt: number;

  constructor(payloadBytes: number, { prefix, suffix }: Pick<Dialect, "prefix" | "suffix">) {
    const stamp = "0".repeat(STAMP_BYTES);
    this.message = Buffer.from(prefix + stamp + filler(payloadBytes - STAMP_BYTES) + suffix);
    this.stampAt = prefix.length;
  }

  frame(publisher: number, sequence: number): Buffer {
    writeStamp(this.message, this.stampAt, publisher, sequence);
    return maskedFrame(1, this.message);
  }
}
