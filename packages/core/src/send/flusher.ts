import type { Clock } from "../base/clock.ts";
import { FrameRun } from "./frame-run.ts";
import type { Missed } from "./missed.ts";
import { immediateInNoContext } from "../base/no-context.ts";

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
 * Replies to one client leave at the end of the turn, with what else waits for it. A message to many waits until a turn has
 * brought no other: a burst of many senders comes in two or three turns, and every write that is saved is saved for each member.
 */
export class Flusher {
  /** Behind so many frames the further ones of a connection are copied together. */
  readonly mostFrames: number;
  readonly #clock: Clock;
  readonly #maxBatchDelayMs: number;
  /** Where the paths of frames start; connections that share it share their joined bytes. */
  #root = FrameRun.root();
  /** Each in the order in which they came. */
  #replies: Flushable[] = [];
  #broadcasts: Flushable[] = [];
  #groups: Group[] = [];
  #isScheduled = false;
  /** What was queued for many since it was last flushed, and how much of that at the end of the last turn. */
  #pushes = 0;
  #pushesSeen = 0;
  #gatheredSince = 0;
  /** Nothing is gathered any more: what waits is written, slice by slice. */
  #isDue = false;
  #flushedAt = -Infinity;

  /** @param maxBatchDelayMs Least time between two flushes, for applications that like fewer writes better than early ones. */
  constructor(clock: Clock, maxBatchDelayMs: number) {
    this.#clock = clock;
    this.#maxBatchDelayMs = maxBatchDelayMs;
    this.mostFrames = maxBatchDelayMs > 0 ? MOST_FRAMES : Infinity;
  }

  /** `run`, or the empty one, followed by a frame that others may get too. */
  extend(run: FrameRun | undefined, frame: Buffer, missed?: Missed): FrameRun {
    return (run ?? this.#root).with(frame, missed);
  }

  /** `run`, or the empty one, followed by frames for one connection alone. */
  extendOwn(run: FrameRun | undefined, frames: number, block: Buffer, missed?: Missed | readonly Missed[]): FrameRun {
    return (run ?? this.#root).withOwn(frames, block, missed);
  }

  /** For replies: `target.flush` will be called at the end of this turn; the caller sees to it that it asks once. */
  add(target: Flushable): void {
    this.#replies.push(target);
    if (!this.#isScheduled) this.#schedule();
  }

  /** For a message to many: `target.flush` will be called once no more of them come; the caller sees to it that it asks once. */
  addBroadcast(target: Flushable): void {
    this.#broadcasts.push(target);
    this.countBroadcast();
  }

  /** The same for a group. */
  addGroup(group: Group): void {
    this.#groups.push(group);
    this.countBroadcast();
  }

  /** One more message to many was queued for a target that has been added already. */
  countBroadcast(): void {
    this.#pushes++;
    if (!this.#isScheduled) this.#schedule();
  }

  get #hasBroadcasts(): boolean {
    return this.#groups.length > 0 || this.#broadcasts.length > 0;
  }

  #schedule(): void {
    this.#isScheduled = true;
    // It writes for all: in the context of one request it would run the `drain` hooks of others.
    immediateInNoContext(this.#maxBatchDelayMs > 0 ? this.#begin : this.#turn);
  }

  readonly #begin = (): void => {
    const waitMs = this.#flushedAt + this.#maxBatchDelayMs - this.#clock.now();
    if (waitMs <= 0) return this.#turn();
    this.#isDue = true;
    this.#clock.after(waitMs, this.#turn);
  };

  readonly #turn = (): void => {
    // With a delay of its own, a reply comes with the rest.
    if (this.#maxBatchDelayMs > 0 && this.#hasBroadcasts && !this.#isGathered()) {
      setImmediate(this.#turn);
      return;
    }
    this.#write();
    if (!this.#hasBroadcasts) {
      this.#isDue = false;
      this.#pushes = 0;
      this.#pushesSeen = 0;
    }
    this.#isScheduled = this.#replies.length > 0 || this.#hasBroadcasts;
    if (this.#isScheduled) setImmediate(this.#turn);
    else if (this.#maxBatchDelayMs > 0) this.#flushedAt = this.#clock.now();
  };

  /** Asked once in each turn that has messages to many. */
  #isGathered(): boolean {
    if (this.#isDue) return true;
    if (this.#pushesSeen === 0) this.#gatheredSince = this.#clock.now();
    const hasMore = this.#pushes > this.#pushesSeen;
    this.#pushesSeen = this.#pushes;
    this.#isDue = !hasMore || this.#clock.now() - this.#gatheredSince >= GATHER_MS;
    return this.#isDue;
  }

  #write(): void {
    // With a delay it has been asked before.
    const isDue = this.#hasBroadcasts && (this.#isDue || (this.#maxBatchDelayMs === 0 && this.#isGathered()));
    const replies = this.#takeReplies(isDue ? SLICE / 2 : SLICE);
    if (isDue) return this.#writeBroadcasts(replies);
    // While messages to many are gathered, further ones have to find what goes before them.
    if (!this.#hasBroadcasts) this.#renewRoot();
    if (replies.length > 0) flushAll(replies);
  }

  #takeReplies(most: number): readonly Flushable[] {
    const replies = this.#replies;
    if (replies.length === 0) return replies;
    this.#replies = replies.length <= most ? [] : replies.slice(most);
    return replies.length <= most ? replies : replies.slice(0, most);
  }

  #writeBroadcasts(replies: readonly Flushable[]): void {
    let left = SLICE - replies.length;
    const groups = this.#groups;
    let taken = 0;
    for (; left > 0 && taken < groups.length; taken++) left -= Math.max(1, groups[taken]?.size ?? 0);
    this.#groups = groups.slice(taken);
    const singles = this.#broadcasts.splice(0, Math.max(0, left));
    this.#renewRoot();
    flushAll([...replies, ...groups.slice(0, taken), ...singles]);
  }

  #renewRoot(): void {
    if (!this.#root.isContinued) return;
    this.#root.release();
    this.#root = FrameRun.root();
  }
}

/** Those that wait for the same share its bytes until all of them have been written to. */
function flushAll(targets: readonly Flushable[]): void {
  let last: FrameRun | undefined;
  let written: FrameRun[] | undefined;
  for (const target of targets) {
    const run = target.flush();
    if (run === undefined || run === last) continue;
    last = run;
    written ??= [];
    written.push(run);
  }
  for (const run of written ?? []) run.release();
}
