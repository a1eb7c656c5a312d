import { FrameRun } from "./frame-run.ts";

/** Something that has frames to write at the end of this turn. */
export interface Flushable {
  /** Writes what waits, in one call, and returns the run that was written, if any. */
  flush(): FrameRun | undefined;
}

/** Connections per slice: about 10 ms of write calls, so that reads and timers get their turn in between. */
const SLICE = 1000;

/**
 * Once per turn of the event loop each socket gets one write. `setImmediate` and not a microtask: microtasks run between
 * two sockets of the same poll, which gives 8 instead of 60 frames per write at 64 messages in flight.
 */
export class Flusher {
  #root = FrameRun.root();
  #queue: Flushable[] = [];
  #scheduled = false;

  /** Where the paths of this turn start; connections that share it share their joined bytes. */
  get root(): FrameRun {
    return this.#root;
  }

  /** `target.flush` will be called once, soon; the caller sees to it that it asks once. */
  add(target: Flushable): void {
    this.#queue.push(target);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const turn = this.#queue.length <= SLICE ? this.#queue : this.#queue.slice(0, SLICE);
    this.#queue = turn.length === this.#queue.length ? [] : this.#queue.slice(SLICE);
    this.#root.release();
    this.#root = FrameRun.root();
    let last: FrameRun | undefined;
    const written: FrameRun[] = [];
    for (const target of turn) {
      const run = target.flush();
      if (run === undefined || run === last) continue;
      last = run;
      written.push(run);
    }
    for (const run of written) run.release();
    this.#scheduled = this.#queue.length > 0;
    if (this.#scheduled) setImmediate(this.#run);
  };
}
