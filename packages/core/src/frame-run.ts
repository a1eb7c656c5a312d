/**
 * The frames that wait for one connection in their order, as a path in a tree: a connection holds the last node.
 * Connections that wait for the same frames hold the same node, so a broadcast moves one pointer per member and the
 * bytes for all of them are joined once.
 */
export class FrameRun {
  readonly #before: FrameRun | undefined;
  readonly #block: Buffer;
  /** Bytes from the first frame to this one. */
  readonly bytes: number;
  /** How many frames that is. */
  readonly frames: number;
  /** The newest continuation: in a broadcast the next member asks for the same one. */
  #next: FrameRun | undefined;
  #joined: Buffer | undefined;

  private constructor(before: FrameRun | undefined, block: Buffer, frames: number) {
    this.#before = before;
    this.#block = block;
    this.bytes = (before?.bytes ?? 0) + block.byteLength;
    this.frames = (before?.frames ?? 0) + frames;
  }

  /** The empty run that every path of one turn starts from. */
  static root(): FrameRun {
    return new FrameRun(undefined, Buffer.alloc(0), 0);
  }

  /** This run followed by `frame`, if somebody has been here with it. */
  known(frame: Buffer): FrameRun | undefined {
    const next = this.#next;
    return next !== undefined && next.#block === frame ? next : undefined;
  }

  /** This run followed by `frame`, for others to find. */
  with(frame: Buffer): FrameRun {
    this.#next = new FrameRun(this, frame, 1);
    return this.#next;
  }

  /** This run followed by frames for one connection alone. */
  withOwn(frames: number, block: Buffer): FrameRun {
    return new FrameRun(this, block, frames);
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
