/** The most bytes of a varint: a number below 2^53 has eight. */
const VARINT_BYTES = 8;

/**
 * Reads bytes that anyone may have written. It never throws: what does not fit makes `isWrong` true for good, and gives 0, an empty
 * text or no bytes.
 */
export class EnvelopeReader {
  readonly #bytes: Buffer;
  #end: number;
  #at: number;
  isWrong = false;

  constructor(bytes: Buffer, from: number, to: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  byte(): number {
    const at = this.#step(1);
    return at === undefined ? 0 : (this.#bytes[at] ?? 0);
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let read = 0; read < VARINT_BYTES; read++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) this.isWrong = true;
        return this.isWrong ? 0 : value;
      }
      factor *= 0x80;
    }
    this.isWrong = true;
    return 0;
  }

  offset(): number {
    const at = this.#step(8);
    if (at === undefined) return 0;
    const value = this.#bytes.readUInt32BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 4);
    if (value > Number.MAX_SAFE_INTEGER) this.isWrong = true;
    return this.isWrong ? 0 : value;
  }

  ascii(length: number): string {
    const at = this.#step(length);
    return at === undefined ? "" : this.#bytes.toString("latin1", at, at + length);
  }

  utf8(length: number): string {
    const at = this.#step(length);
    return at === undefined ? "" : this.#bytes.toString("utf8", at, at + length);
  }

  /** A view, not a copy. */
  view(length: number): Uint8Array {
    const at = this.#step(length) ?? 0;
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, this.isWrong ? 0 : length);
  }

  /** The rest, for `utf8` and `view`. */
  get left(): number {
    return this.isWrong ? 0 : this.#end - this.#at;
  }

  /** A reader of the next `length` bytes; this one goes on after them. */
  part(length: number): EnvelopeReader {
    const at = this.#step(length);
    const part = new EnvelopeReader(this.#bytes, at ?? 0, at === undefined ? 0 : at + length);
    part.isWrong = at === undefined;
    return part;
  }

  /** From here on only the next `length` bytes can be read, until `close` is called with what this gives: `part` without an object. */
  open(length: number): number {
    const end = this.#end;
    if (length > end - this.#at) this.isWrong = true;
    else this.#end = this.#at + length;
    return end;
  }

  close(end: number): void {
    this.#at = this.#end;
    this.#end = end;
  }

  skip(length: number): void {
    this.#step(length);
  }

  /** Where `length` bytes begin that are there; else `undefined`, and wrong. */
  #step(length: number): number | undefined {
    const at = this.#at;
    if (this.isWrong || length > this.#end - at) {
      this.isWrong = true;
      return undefined;
    }
    this.#at = at + length;
    return at;
  }
}

/** The same bytes as a Buffer, not copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
