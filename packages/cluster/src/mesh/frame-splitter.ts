import { FRAME_HEAD } from "./batch-writer.ts";
import { MalformedFrame } from "./batch-reader.ts";

/**
 * Cuts what comes from a socket into frames: a length of 32 bits, big end first, which counts what follows it, a kind of one byte, and the
 * content. A frame within one chunk is a view of it; one that spans chunks is copied together once.
 */
export class FrameSplitter {
  /** A frame that says it is longer is an error, before memory is taken. */
  maxBytes: number;
  /** Gets each frame, its head included. */
  take: (kind: number, frame: Buffer) => void;
  /** A frame whose rest has not come. */
  #part: Buffer | undefined;
  #has = 0;
  /** A head whose rest has not come. */
  #head: Buffer | undefined;
  #isStopped = false;

  constructor(maxBytes: number, take: (kind: number, frame: Buffer) => void) {
    this.maxBytes = maxBytes;
    this.take = take;
  }

  /** Takes nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#part = this.#head = undefined;
  }

  /** @throws MalformedFrame */
  feed(bytes: Buffer): void {
    let chunk = bytes;
    if (this.#head !== undefined) {
      chunk = Buffer.concat([this.#head, chunk]);
      this.#head = undefined;
    }
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#part !== undefined) {
        const taken = Math.min(this.#part.length - this.#has, chunk.length - at);
        chunk.copy(this.#part, this.#has, at, at + taken);
        at += taken;
        this.#has += taken;
        if (this.#has < this.#part.length) return;
        const frame = this.#part;
        this.#part = undefined;
        this.#give(frame);
        continue;
      }
      if (chunk.length - at < FRAME_HEAD) {
        this.#head = chunk.subarray(at);
        return;
      }
      const length = 4 + chunk.readUInt32BE(at);
      if (length < FRAME_HEAD || length > this.maxBytes)
        throw new MalformedFrame(`a frame of ${length} bytes came, where at most ${this.maxBytes} are allowed`);
      if (at + length <= chunk.length) {
        this.#give(chunk.subarray(at, at + length));
        at += length;
      } else {
        this.#part = Buffer.allocUnsafeSlow(length);
        this.#has = chunk.copy(this.#part, 0, at);
        return;
      }
    }
  }

  #give(frame: Buffer): void {
    this.take(frame[4] as number, frame);
  }
}
