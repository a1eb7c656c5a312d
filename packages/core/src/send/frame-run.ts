import { MISSED_BYTES, type Missed } from "./missed.ts";

const EMPTY = Buffer.alloc(0);

/**
 * The frames that wait for one connection in their order, as a path in a tree: a connection holds the last node.
 * Connections that wait for the same frames hold the same node, so a broadcast moves one pointer per member and the
 * bytes for all of them are joined once.
 */
export class FrameRun {
  readonly #before: FrameRun | undefined;
  readonly #block: Buffer;
  /** Who wants to be told when the frames of this block are thrown away. */
  readonly #missed: Missed | readonly Missed[] | undefined;
  /** Bytes from the first frame to this one. */
  readonly bytes: number;
  /** The same with what they take beside their bytes. */
  readonly cost: number;
  /** How many frames that is. */
  readonly frames: number;
  /** The newest continuation: in a broadcast the next member asks for the same one. */
  #next: FrameRun | undefined;
  #joined: Buffer | undefined;

  private constructor(before: FrameRun | undefined, block: Buffer, frames: number, missed: Missed | readonly Missed[] | undefined) {
    const told = missed === undefined ? 0 : typeof missed === "function" ? 1 : missed.length;
    this.#before = before;
    this.#block = block;
    this.#missed = missed;
    this.bytes = (before?.bytes ?? 0) + block.byteLength;
    this.cost = (before?.cost ?? 0) + block.byteLength + told * MISSED_BYTES;
    this.frames = (before?.frames ?? 0) + frames;
  }

  /** The empty run that every path of one turn starts from. */
  static root(): FrameRun {
    return new FrameRun(undefined, EMPTY, 0, undefined);
  }

  /** Whether another run continues this one, for others to find. */
  get isContinued(): boolean {
    return this.#next !== undefined;
  }

  /** This run followed by `frame`, for others to find. */
  with(frame: Buffer, missed: Missed | undefined): FrameRun {
    const next = this.#next;
    if (next !== undefined && next.#block === frame && next.#missed === missed) return next;
    return (this.#next = new FrameRun(this, frame, 1, missed));
  }

  /** This run followed by frames for one connection alone. */
  withOwn(frames: number, block: Buffer, missed: Missed | readonly Missed[] | undefined): FrameRun {
    return new FrameRun(this, block, frames, missed);
  }

  /** All frames in one buffer, made at the first call and kept until `release`. */
  join(): Buffer {
    this.#joined ??= FrameRun.#concat(this);
    return this.#joined;
  }

  /** Lets go of what only the turn that ends needed; clients that are still to be written to keep their frames. */
  release(): void {
    this.#joined = undefined;
    this.#next = undefined;
  }

  /** Adds all who want to be told when these frames are thrown away to `all`, in the order of the frames. */
  missedInto(all: Missed[]): void {
    if (this.cost === this.bytes) return;
    const blocks: (readonly Missed[])[] = [];
    const add = (missed: Missed | readonly Missed[] | undefined): void => {
      if (missed !== undefined) blocks.push(typeof missed === "function" ? [missed] : missed);
    };
    add(this.#missed);
    for (let run = this.#before; run !== undefined; run = run.#before) add(run.#missed);
    for (const missed of blocks.toReversed()) for (const one of missed) all.push(one);
  }

  static #concat(last: FrameRun): Buffer {
    if (last.bytes === last.#block.byteLength) return last.#block;
    // Not from the pool: a slow client would pin the 8 KiB block of many others.
    const joined = Buffer.allocUnsafeSlow(last.bytes);
    let end = last.bytes;
    for (let run = last; run.#before !== undefined; run = run.#before) {
      end -= run.#block.byteLength;
      joined.set(run.#block, end);
    }
    return joined;
  }
}
