/**
 * The frames that wait for one connection in their order, as a path in a tree: a connection holds the last node.
 * Connections that wait for the same frames hold the same node, so a broadcast moves one pointer per member and the
 * bytes for all of them are joined once.
 */
export class FrameRun {
  readonly #before: FrameRun | undefined;
  readonly #frame: Buffer;
  /** Bytes from the first frame to this one. */
  readonly bytes: number;
  /** How many frames that is. */
  readonly frames: number;
  /** The newest continuation: in a broadcast the next member asks for the same one. */
  #next: FrameRun | undefined;
  #joined: Buffer | undefined;

  private constructor(before: FrameRun | undefined, frame: Buffer, bytes: number) {
    this.#before = before;
    this.#frame = frame;
    this.bytes = bytes;
    this.frames = before === undefined ? 0 : before.frames + 1;
  }

  /** The empty run that every path of one turn starts from. */
  static root(): FrameRun {
    return new FrameRun(undefined, Buffer.alloc(0), 0);
  }

  /** This run followed by `frame`. */
  with(frame: Buffer): FrameRun {
    const next = this.#next;
    if (next !== undefined && next.#frame === frame) return next;
    this.#next = new FrameRun(this, frame, this.bytes + frame.byteLength);
    return this.#next;
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
    if (last.bytes === last.#frame.byteLength) return last.#frame;
    // Not from the pool: a slow client would pin the 8 KiB block of many others.
    const joined = Buffer.allocUnsafeSlow(last.bytes);
    let end = last.bytes;
    for (let run = last; run.#before !== undefined; run = run.#before) {
      end -= run.#frame.byteLength;
      joined.set(run.#frame, end);
    }
    return joined;
  }
}
