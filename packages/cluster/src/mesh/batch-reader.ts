import { MESSAGE_HEAD } from "./batch-writer.ts";

/** What came does not follow the format. */
export class MalformedFrame extends Error {
  override readonly name = "MalformedFrame";
}

/** Reads the messages of a batch, and the fields of each: `next`, then the fields in their order. */
export class BatchReader {
  readonly #bytes: Buffer;
  #at: number;
  /** Where the current message ends. */
  #end: number;
  readonly #last: number;

  /** @param at Where the first message begins. */
  constructor(bytes: Buffer, at: number = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = this.#end = at;
    this.#last = end;
  }

  /** Goes to the next message, whatever was read of the one before. @returns its kind, or `undefined` at the end. */
  next(): number | undefined {
    const from = this.#end;
    if (from === this.#last) return undefined;
    if (from + MESSAGE_HEAD > this.#last) throw new MalformedFrame("a message is cut off");
    this.#at = from + MESSAGE_HEAD;
    this.#end = this.#at + this.#bytes.readUInt32BE(from + 1);
    if (this.#end > this.#last) throw new MalformedFrame("a message is longer than its frame");
    return this.#bytes[from];
  }

  /** The current message has more. */
  get hasMore(): boolean {
    return this.#at < this.#end;
  }

  byte(): number {
    if (this.#at >= this.#end) throw new MalformedFrame("a byte is missing");
    return this.#bytes[this.#at++] as number;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return checked(value);
    }
    throw new MalformedFrame("a number is too long");
  }

  float(): number {
    const at = this.#take(8);
    return this.#bytes.readDoubleBE(at);
  }

  text(): string {
    const length = this.number();
    const at = this.#take(length);
    return this.#bytes.toString("utf8", at, at + length);
  }

  rawText(): string {
    const at = this.#take(this.#end - this.#at);
    return this.#bytes.toString("utf8", at, this.#end);
  }

  /** A view: nothing is copied. */
  bytes(): Uint8Array {
    const length = this.number();
    return this.#view(this.#take(length), length);
  }

  /** The rest of the message; a view. */
  rawBytes(): Uint8Array {
    const length = this.#end - this.#at;
    return this.#view(this.#take(length), length);
  }

  #view(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, length);
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#end) throw new MalformedFrame("a field is cut off");
    this.#at = at + length;
    return at;
  }
}

function checked(value: number): number {
  if (!Number.isSafeInteger(value)) throw new MalformedFrame("a number is too large");
  return value;
}
