import type { FrameOutput } from "@upwire/core/adapter";

interface Write {
  readonly frames: Buffer;
  readonly written: ((error?: Error | null) => void) | undefined;
}

/** What the other end is told. */
export interface OutputEvents {
  /** So many bytes have arrived. */
  arrived(frames: Buffer): void;
  /** It was full, and everything has arrived. */
  emptied(): void;
  /** The last byte has arrived, and nothing follows. */
  ended(): void;
}

/** The way from the server to the client: it holds what the client does not take. */
export class MemoryOutput implements FrameOutput {
  readonly writableHighWaterMark: number;
  writableLength = 0;
  writableNeedDrain = false;
  writableEnded = false;
  destroyed = false;
  readonly #events: OutputEvents;
  #held: Write[] = [];
  #isTaking = true;
  #corks = 0;

  constructor(writableHighWaterMark: number, events: OutputEvents) {
    this.writableHighWaterMark = writableHighWaterMark;
    this.#events = events;
  }

  get isTaking(): boolean {
    return this.#isTaking;
  }

  set isTaking(isTaking: boolean) {
    this.#isTaking = isTaking;
    this.#pass();
  }

  write(frames: Buffer, written?: (error?: Error | null) => void): boolean {
    if (this.destroyed || this.writableEnded) {
      process.nextTick(() => written?.(new Error("The transport has ended")));
      return false;
    }
    this.#held.push({ frames, written });
    this.writableLength += frames.byteLength;
    this.#pass();
    if (this.writableLength >= this.writableHighWaterMark) this.writableNeedDrain = true;
    return !this.writableNeedDrain;
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    this.#corks--;
    this.#pass();
  }

  end(): void {
    if (this.writableEnded) return;
    this.writableEnded = true;
    if (this.#held.length === 0) this.#finish();
  }

  /** Passes one write on. */
  release(): void {
    const first = this.#held.shift();
    if (first === undefined || this.destroyed) return;
    this.#arrived(first.frames, [first]);
  }

  destroy(): void {
    const lost = this.#held;
    this.destroyed = true;
    this.#held = [];
    this.writableLength = 0;
    for (const { written } of lost) process.nextTick(() => written?.(new Error("The transport is gone")));
  }

  #pass(): void {
    if (!this.#isTaking || this.#corks > 0 || this.destroyed || this.#held.length === 0) return;
    const writes = this.#held;
    this.#held = [];
    // What was corked, or waited, arrives in one piece, as from a socket.
    this.#arrived(Buffer.concat(writes.map(({ frames }) => frames)), writes);
  }

  #arrived(frames: Buffer, writes: readonly Write[]): void {
    this.writableLength -= frames.byteLength;
    this.#events.arrived(frames);
    for (const { written } of writes) process.nextTick(() => written?.());
    if (this.writableLength > 0) return;
    if (this.writableNeedDrain) {
      this.writableNeedDrain = false;
      process.nextTick(() => this.#events.emptied());
    }
    if (this.writableEnded) this.#finish();
  }

  #finish(): void {
    process.nextTick(() => this.#events.ended());
  }
}
