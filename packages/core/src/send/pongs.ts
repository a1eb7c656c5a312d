/** Each ping is answered while so few pongs wait; RFC 6455 §5.5.3 lets the newest stand for all before it. */
const MOST_PONGS = 16;

/** The pongs that wait for one client: a flood of pings makes them grow no further. */
export class Pongs {
  /** All of them in one block: each in memory of its own would pin as many blocks of the pool. */
  bytes: Buffer;
  #count = 1;
  #newestAt = 0;

  constructor(frame: Buffer) {
    this.bytes = frame;
  }

  /** @returns whether it takes the place of the newest one before it. */
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
