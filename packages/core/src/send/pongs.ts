/** Each ping is answered until so many pongs wait. Then only the newest is, as RFC 6455 §5.5.3 allows. */
const MOST_PONGS = 16;

/** The pongs that wait for one client. Their number is limited, so that a flood of pings takes no memory. */
export class Pongs {
  /** All in one block: each by itself could keep 8 KiB of Node's pool in memory. */
  bytes: Buffer;
  #count = 1;
  #newestAt = 0;

  constructor(frame: Buffer) {
    this.bytes = frame;
  }

  /** @returns whether it replaces the newest pong before it. */
  add(frame: Buffer): boolean {
    const isFull = this.#count === MOST_PONGS;
    if (!isFull) {
      this.#count++;
      this.#newestAt = this.bytes.byteLength;
    }
    this.bytes = Buffer.concat([this.bytes.subarray(0, this.#newestAt), frame]);
    return isFull;
  }
}
