/** A frame of a server. */
export interface SplitFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** Splits a server's bytes into frames. It checks nothing: `ServerFrames` of the testing kit does, where that is the matter. */
export class FrameSplitter {
  #rest: Buffer = NOTHING;

  push(chunk: Buffer): SplitFrame[] {
    const bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: SplitFrame[] = [];
    let at = 0;
    while (bytes.byteLength - at >= 2) {
      const first = bytes.readUInt8(at);
      const short = bytes.readUInt8(at + 1) & 0x7f;
      const start = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
      if (bytes.byteLength < start) break;
      const length = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
      if (bytes.byteLength < start + length) break;
      frames.push({ opcode: first & 0x0f, fin: (first & 0x80) !== 0, payload: bytes.subarray(start, start + length) });
      at = start + length;
    }
    this.#rest = at === bytes.byteLength ? NOTHING : bytes.subarray(at);
    return frames;
  }
}
