import type { Clock } from "./clock.ts";
import { FrameRun } from "./frame-run.ts";

/** Something that has frames to write soon. */
export interface Flushable {
  /** Writes what waits, in one call, and returns the run that was written, if others may have the same. */
  flush(): FrameRun | undefined;
}

/** Many that are flushed at once. */
export interface Group extends Flushable {
  /** How many sockets that is. */
  readonly size: number;
}

/** Connections per slice: about 5 ms of write calls, so that reads and timers get their turn in between. */
const SLICE = 500;
/** With a long time between two flushes, frames that come one by one would each pin what they lie in for all of that time. */
const MOST_FRAMES = 16;
/** Longest time for which messages to many are gathered while every turn of the event loop brings more. Milliseconds. */
const GATHER_MS = 1;

/**
 * Gives each socket ONE write for everything that came together. `setImmediate` and not a microtask: microtasks run between
 * two sockets of the same poll, which gives 8 instead of 60 frames per write at 64 messages in flight.
 *
 * Replies to one client leave at the end of the turn. A message to many waits until a turn has brought no other: a burst of
 * many senders comes in two or three turns, and every write that is saved is saved for each member.
 */
export class Flusher {
  /** Behind so many frames the further ones of a connection are copied together. */
  readonly mostFrames: number;
  readonly #clock: Clock;
  readonly #maxBatchDelayMs: number;
  /** Where the paths of frames start; connections that share it share their joined bytes. */
  #root = FrameRun.root();
  #queue: Flushable[] = [];
  #groups: Group[] = [];
  #isScheduled = false;
  /** Different frames that were pushed since the last flush, and how many there were at the end of the last turn. */
  #frames = 0;
  #framesSeen = 0;
  #gatheredSince = 0;
  #flushedAt = -Infinity;

  /** @param maxBatchDelayMs Least time between two flushes, for those who like fewer writes better than early ones. */
  constructor(clock: Clock, maxBatchDelayMs: number) {
    this.#clock = clock;
    this.#maxBatchDelayMs = maxBatchDelayMs;
    this.mostFrames = maxBatchDelayMs > 0 ? MOST_FRAMES : Infinity;
  }

  /** `run`, or the empty one, followed by a frame that others may get too. */
  extend(run: FrameRun | undefined, frame: Buffer): FrameRun {
    const before = run ?? this.#root;
    const known = before.known(frame);
    if (known !== undefined) return known;
    this.#frames++;
    return before.with(frame);
  }

  /** `run`, or the empty one, followed by frames for one connection alone. */
  extendOwn(run: FrameRun | undefined, frames: number, block: Buffer): FrameRun {
    return (run ?? this.#root).withOwn(frames, block);
  }

  /** `target.flush` will be called once, soon; the caller sees to it that it asks once. */
  add(target: Flushable): void {
    this.#queue.push(target);
    this.#schedule();
  }

  addGroup(group: Group): void {
    this.#groups.push(group);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#begin);
  }

  /** So many as may be written to before others get their turn. */
  #takeSlice(): readonly Flushable[] {
    const groups = this.#groups;
    let left = SLICE;
    let taken = 0;
    for (; left > 0 && taken < groups.length; taken++) left -= Math.max(1, groups[taken]?.size ?? 0);
    this.#groups = groups.slice(taken);
    const singles = this.#queue.splice(0, Math.max(0, left));
    return taken === 0 ? singles : [...groups.slice(0, taken), ...singles];
  }

  readonly #begin = (): void => {
    if (this.#maxBatchDelayMs === 0 && this.#frames === 0) return this.#run();
    const now = this.#clock.now();
    const waitMs = this.#flushedAt + this.#maxBatchDelayMs - now;
    if (waitMs > 0) {
      this.#clock.after(waitMs, this.#run);
      return;
    }
    this.#gatheredSince = now;
    this.#gather();
  };

  readonly #gather = (): void => {
    const hasMore = this.#frames > this.#framesSeen;
    this.#framesSeen = this.#frames;
    if (hasMore && this.#clock.now() - this.#gatheredSince < GATHER_MS) setImmediate(this.#gather);
    else this.#run();
  };

  readonly #run = (): void => {
    const slice = this.#takeSlice();
    this.#root.release();
    this.#root = FrameRun.root();
    this.#frames = 0;
    this.#framesSeen = 0;
    let last: FrameRun | undefined;
    const written: FrameRun[] = [];
    for (const target of slice) {
      const run = target.flush();
      if (run === undefined || run === last) continue;
      last = run;
      written.push(run);
    }
    for (const run of written) run.release();
    this.#isScheduled = this.#queue.length > 0 || this.#groups.length > 0;
    if (this.#isScheduled) setImmediate(this.#run);
    else if (this.#maxBatchDelayMs > 0) this.#flushedAt = this.#clock.now();
  };
}
