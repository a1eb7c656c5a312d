/** Writes into bytes whose size was counted before. */
export class EnvelopeWriter {
  readonly bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  byte(value: number): void {
    this.bytes[this.#at++] = value;
  }

  /** Seven bits a byte, the lowest first; the highest bit says that another byte follows. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.#at++] = rest;
  }

  /** Eight bytes, the highest first. */
  offset(value: number): void {
    this.bytes.writeUInt32BE(Math.floor(value / 2 ** 32), this.#at);
    this.bytes.writeUInt32BE(value % 2 ** 32, this.#at + 4);
    this.#at += 8;
  }

  ascii(text: string): void {
    this.#at += this.bytes.write(text, this.#at, "latin1");
  }

  utf8(text: string): void {
    this.#at += this.bytes.write(text, this.#at, "utf8");
  }

  copy(data: Uint8Array): void {
    this.bytes.set(data, this.#at);
    this.#at += data.byteLength;
  }
}

/** How many bytes `varint` writes. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
