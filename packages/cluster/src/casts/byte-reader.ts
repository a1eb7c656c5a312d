const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a reader throws at bytes that a `ByteWriter` did not write. */
export class Malformed extends Error {}

/** Reads what a `ByteWriter` wrote. @throws Malformed where the bytes end too early. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.byteLength;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Malformed("the bytes end within a number");
      value += (byte & 127) * scale;
      if (byte > 127) continue;
      if (!Number.isSafeInteger(value)) break;
      return value;
    }
    throw new Malformed("a number is too large");
  }

  /** A view on the next ones. */
  bytes(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.byteLength) throw new Malformed(`${length} bytes should follow, and ${this.#bytes.byteLength - this.#at} do`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** A view on all that is left. */
  rest(): Uint8Array {
    return this.bytes(this.#bytes.byteLength - this.#at);
  }

  text(): string {
    return decode(this.bytes(this.number()));
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Malformed("text is no UTF-8");
  }
}
