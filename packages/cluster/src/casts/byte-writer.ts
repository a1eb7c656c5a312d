const FIRST_BYTES = 64;
const utf8 = new TextEncoder();

/** Puts numbers, text and bytes one behind the other, into memory that grows. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A whole number from 0 to 2^53 - 1, in groups of seven bits, the lowest first; the highest bit of a byte says that more follow. */
  number(value: number): void {
    this.#makeRoom(8);
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  bytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.byteLength);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  /** Its length in bytes of UTF-8, and the text. */
  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.number(length);
    this.#makeRoom(length);
    utf8.encodeInto(text, this.#bytes.subarray(this.#length));
    this.#length += length;
  }

  /** Gives all that was written, and begins anew. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #makeRoom(more: number): void {
    if (this.#length + more <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(2 * (this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
