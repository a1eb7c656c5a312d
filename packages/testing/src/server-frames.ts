import { Opcode } from "./client-frame.ts";

/** One frame as the server sent it. */
export interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly payload: Buffer;
}

interface Header {
  readonly first: number;
  readonly start: number;
  readonly length: number;
  readonly masked: boolean;
}

/** Splits a server's bytes into frames, and writes down every breach of RFC 6455 section 5. */
export class ServerFrames {
  readonly violations: string[] = [];
  /** Set when permessage-deflate was agreed on: RSV1 has a meaning then. */
  allowsRsv1 = false;
  /** What no frame is made of yet, as it came: it is put together once, when a frame is there whole. */
  #parts: Buffer[] = [];
  #byteLength = 0;
  /** So many bytes are needed for the next step. */
  #needed = 2;
  #inMessage = false;
  #closed = false;

  push(chunk: Buffer): Frame[] {
    this.#parts.push(chunk);
    this.#byteLength += chunk.byteLength;
    if (this.#byteLength < this.#needed) return [];
    let pending = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts);
    const frames: Frame[] = [];
    for (;;) {
      const header = this.#header(pending);
      const end = header === undefined ? pending.byteLength + 1 : header.start + header.length;
      if (header === undefined || pending.byteLength < end) {
        this.#parts = [pending];
        this.#byteLength = pending.byteLength;
        this.#needed = end;
        return frames;
      }
      const frame = {
        opcode: header.first & 0x0f,
        fin: (header.first & 0x80) !== 0,
        rsv1: (header.first & 0x40) !== 0,
        payload: Buffer.from(pending.subarray(header.start, end)),
      };
      this.#judge(frame, header);
      frames.push(frame);
      pending = pending.subarray(end);
    }
  }

  #header(pending: Buffer): Header | undefined {
    const [first, second] = pending;
    if (first === undefined || second === undefined) return undefined;
    const short = second & 0x7f;
    const fieldBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const masked = (second & 0x80) !== 0;
    const start = 2 + fieldBytes + (masked ? 4 : 0);
    if (pending.byteLength < start) return undefined;
    if (fieldBytes === 0) return { first, start, length: short, masked };
    const length = fieldBytes === 2 ? pending.readUInt16BE(2) : Number(pending.readBigUInt64BE(2));
    // RFC 6455 §5.2: the minimal number of bytes must be used.
    if (length < (fieldBytes === 2 ? 126 : 65_536)) this.violations.push(`a length of ${length} in ${fieldBytes} bytes`);
    return { first, start, length, masked };
  }

  #judge(frame: Frame, header: Header): void {
    const { opcode, fin } = frame;
    const note = (what: string): void => void this.violations.push(`${what} (opcode ${opcode})`);
    if (header.masked) note("a masked frame from a server");
    if ((header.first & 0x30) !== 0 || (frame.rsv1 && !this.allowsRsv1)) note("a reserved bit without an extension");
    if (this.#closed) note("a frame after the close frame");
    if (opcode >= Opcode.close) {
      if (!fin || header.length > 125) note("a control frame that is fragmented or longer than 125 bytes");
      if (frame.rsv1) note("a compressed control frame");
      if (opcode === Opcode.close) this.#closed = true;
      if (opcode > Opcode.pong) note("a reserved opcode");
      return;
    }
    if (opcode > Opcode.binary) note("a reserved opcode");
    if ((opcode === Opcode.continuation) !== this.#inMessage) note("a message inside a message, or a continuation without one");
    this.#inMessage = !fin;
  }
}
