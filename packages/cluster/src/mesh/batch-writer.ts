/** A chunk is shared by the batches that are written one after the other, so that a small batch keeps no large memory. Bytes. */
const CHUNK_BYTES = 64 * 1024;
/** With less than this left in a chunk the next batch begins another one. Bytes. */
const MIN_LEFT = 2048;
/** Length (32 bits, big end first) and kind of a frame. Bytes. */
export const FRAME_HEAD = 5;
/** Kind and length of a message in a batch. Bytes. */
export const MESSAGE_HEAD = 5;
/** Longer texts are measured before they are written; a shorter one gets the room that it could need at most. Characters. */
const MAX_UNMEASURED = 1024;

/** Gathers the messages for one peer into one frame: `begin`, the fields, `end`, and so on; `take` gives the frame. */
export class BatchWriter {
  readonly #frameKind: number;
  #chunk: Buffer = Buffer.alloc(0);
  /** Where the frame begins. */
  #start = 0;
  #at = 0;
  /** Where the open message begins. */
  #message = 0;

  constructor(frameKind: number) {
    this.#frameKind = frameKind;
  }

  /** Bytes of the frame so far; 0 when nothing was written. */
  get length(): number {
    return this.#at - this.#start;
  }

  begin(kind: number): this {
    this.#need(FRAME_HEAD + MESSAGE_HEAD);
    if (this.#at === this.#start) this.#at += FRAME_HEAD;
    this.#message = this.#at;
    this.#chunk[this.#at] = kind;
    this.#at += MESSAGE_HEAD;
    return this;
  }

  end(): void {
    this.#chunk.writeUInt32BE(this.#at - this.#message - MESSAGE_HEAD, this.#message + 1);
  }

  byte(value: number): this {
    this.#need(1);
    this.#chunk[this.#at++] = value;
    return this;
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, the low ones first. */
  number(value: number): this {
    this.#need(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#chunk[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#chunk[this.#at++] = rest;
    return this;
  }

  /** Any number, as 64 bits of floating point. */
  float(value: number): this {
    this.#need(8);
    this.#chunk.writeDoubleBE(value, this.#at);
    this.#at += 8;
    return this;
  }

  /** A text with its length in front. */
  text(value: string): this {
    this.number(Buffer.byteLength(value));
    return this.rawText(value);
  }

  /** A text that fills the rest of the message. */
  rawText(value: string): this {
    this.#need(value.length <= MAX_UNMEASURED ? 3 * value.length : Buffer.byteLength(value));
    this.#at += this.#chunk.write(value, this.#at, "utf8");
    return this;
  }

  /** Bytes with their length in front. */
  bytes(value: Uint8Array): this {
    return this.number(value.byteLength).rawBytes(value);
  }

  /** Bytes that fill the rest of the message. */
  rawBytes(value: Uint8Array): this {
    this.#need(value.byteLength);
    this.#chunk.set(value, this.#at);
    this.#at += value.byteLength;
    return this;
  }

  /** The frame, complete. Nothing writes to its bytes again. */
  take(): Buffer {
    const { length } = this;
    this.#chunk.writeUInt32BE(length - 4, this.#start);
    this.#chunk[this.#start + 4] = this.#frameKind;
    const frame = this.#chunk.subarray(this.#start, this.#at);
    this.#start = this.#at;
    if (this.#chunk.length - this.#at < MIN_LEFT) this.#forget();
    return frame;
  }

  /** Drops the frame that was begun. */
  reset(): void {
    this.#forget();
  }

  #forget(): void {
    this.#chunk = Buffer.alloc(0);
    this.#start = this.#at = 0;
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#chunk.length) return;
    const used = this.length;
    const chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, 2 * used + bytes));
    this.#chunk.copy(chunk, 0, this.#start, this.#at);
    this.#message -= this.#start;
    this.#chunk = chunk;
    this.#start = 0;
    this.#at = used;
  }
}
