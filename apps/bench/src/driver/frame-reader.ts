import { textHeader } from "../frame-text.ts";

const FIN = 0x80;
const RESERVED_1 = 0x40;

/** What a reader finds. Buffers are valid only during the call. */
export interface FrameSink {
  /** A text message in one frame of the expected length, whose payload starts at `at`. */
  expected(data: Buffer, at: number): void;
  /** Any other message, put together. */
  message(payload: Buffer, compressed: boolean): void;
  ping(payload: Buffer): void;
  /** The server breaks RFC 6455, or closes. */
  ended(why: string): void;
}

/**
 * Reads the frames of a server. Nearly all of a benchmark's frames look alike, so the expected header is compared as it is
 * and the payload is not touched; everything else goes the ordinary way.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #header: Buffer;
  readonly #frameBytes: number;
  #rest: Buffer | undefined;
  #fragments: Buffer[] | undefined;
  #compressed = false;

  constructor(sink: FrameSink, expectedPayloadBytes: number) {
    this.#sink = sink;
    this.#header = textHeader(expectedPayloadBytes);
    this.#frameBytes = this.#header.length + expectedPayloadBytes;
  }

  /** Reads the first `end` bytes of `chunk`, whose memory may be used again afterwards. */
  read(chunk: Buffer, end: number): void {
    let data = chunk;
    if (this.#rest !== undefined) {
      data = Buffer.concat([this.#rest, chunk.subarray(0, end)]);
      end = data.length;
      this.#rest = undefined;
    }
    let at = 0;
    while (at < end) {
      if (this.#fragments === undefined) at = this.#readExpected(data, at, end);
      const next = this.#readAny(data, at, end);
      if (next === at) break;
      at = next;
    }
    if (at < end) this.#rest = Buffer.from(data.subarray(at, end));
  }

  #readExpected(data: Buffer, start: number, end: number): number {
    const header = this.#header;
    const headerBytes = header.length;
    const last = end - this.#frameBytes;
    let at = start;
    while (at <= last) {
      if (data[at] !== header[0] || data[at + 1] !== header[1]) return at;
      if (headerBytes === 4 && (data[at + 2] !== header[2] || data[at + 3] !== header[3])) return at;
      this.#sink.expected(data, at + headerBytes);
      at += this.#frameBytes;
    }
    return at;
  }

  /** One frame of whatever kind. @returns where the next one starts, `at` when this one is not complete. */
  #readAny(data: Buffer, at: number, end: number): number {
    if (end - at < 2) return at;
    const first = data[at] as number;
    const second = data[at + 1] as number;
    if ((second & 0x80) !== 0) this.#sink.ended("the server masked a frame");
    const short = second & 0x7f;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (end - at < headerBytes) return at;
    const length = short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
    const next = at + headerBytes + length;
    if (next > end) return at;
    this.#take(first, data.subarray(at + headerBytes, next));
    return next;
  }

  #take(first: number, payload: Buffer): void {
    const opcode = first & 0x0f;
    if (opcode === 9) return this.#sink.ping(payload);
    if (opcode === 8) return this.#sink.ended(`the server closed with ${payload.length < 2 ? 1005 : payload.readUInt16BE(0)}`);
    if (opcode === 10) return;
    if (opcode !== 0) this.#compressed = (first & RESERVED_1) !== 0;
    const isLast = (first & FIN) !== 0;
    if (isLast && this.#fragments === undefined) return this.#sink.message(payload, this.#compressed);
    this.#fragments ??= [];
    this.#fragments.push(Buffer.from(payload));
    if (!isLast) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = undefined;
    this.#sink.message(whole, this.#compressed);
  }
}
