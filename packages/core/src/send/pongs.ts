import { MAX_CONTROL_BYTES } from "../base/close-code.ts";

/** Each ping is answered until so many pongs wait. Then only the newest is, as RFC 6455 §5.5.3 allows. */
const MOST_PONGS = 16;
/** Of a pong with the longest payload and its header. */
const MOST_FRAME_BYTES = 2 + MAX_CONTROL_BYTES;

/** The pongs that wait for one client. Their number is limited, so that a flood of pings takes no memory. */
export class Pongs {
  /** All in one block: each by itself could keep 8 KiB of Node's pool in memory. */
  #block: Buffer;
  #length: number;
  #count = 1;
  #newestAt = 0;

  constructor(frame: Buffer) {
    this.#block = frame;
    this.#length = frame.byteLength;
  }

  get bytes(): Buffer {
    return this.#block.subarray(0, this.#length);
  }

  /** @returns whether it replaces the newest pong before it. */
  add(frame: Buffer): boolean {
    const isFull = this.#count === MOST_PONGS;
    if (!isFull) {
      this.#count++;
      this.#newestAt = this.#length;
    }
    this.#length = this.#newestAt + frame.byteLength;
    if (this.#length > this.#block.byteLength) this.#grow();
    frame.copy(this.#block, this.#newestAt);
    return isFull;
  }

  /** At least doubles the block: in a flood each further pong is written over the one before it, and leaves no garbage. */
  #grow(): void {
    const block = Buffer.allocUnsafeSlow(Math.min(MOST_PONGS * MOST_FRAME_BYTES, 2 * this.#length));
    this.#block.copy(block, 0, 0, this.#newestAt);
    this.#block = block;
  }
}
