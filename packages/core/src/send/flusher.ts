import type { Clock } from "../base/clock.ts";
import { FrameRun } from "./frame-run.ts";
import type { Missed } from "./missed.ts";
import { immediateInNoContext } from "../base/no-context.ts";

// When frames are written. The cost of a message is its write call, so each socket gets one write for everything that came for it
// in a turn of the event loop, and a message to many waits one turn more for others: a burst of many senders comes in two or three
// turns, and each write that is saved is saved once per member. `setImmediate` and not a microtask, since microtasks run between
// two sockets of the same poll: 8 frames for each write instead of 60, with 64 messages in flight. In that situation a broadcast to
// 1,000 takes a fiftieth of the CPU of a loop of `ws.send`; with one message in flight there is nothing to join, and it takes 1/1.2.

/** Something that has frames to write soon. */
export interface Flushable {
  /** Writes everything that is queued, in one call. @returns the path that was written, if other connections may hold the same. */
  flush(): FrameRun | undefined;
}

/** Many that are flushed at once. */
export interface Group extends Flushable {
  /** How many sockets that is. */
  readonly size: number;
}

/** Most sockets that are written to in one turn: about 5 ms of write calls, then reads and timers get theirs. */
const SLICE = 500;
/** With a batch delay, frames that come one by one would each keep the memory block they lie in for all of that time. */
const MOST_FRAMES = 16;
/** Messages to many are gathered for at most so long while every turn of the event loop brings more. Milliseconds. */
const GATHER_MS = 1;

/** Calls `flush` of all that have frames to write: replies leave at the end of the turn, messages to many once it has brought no other. */
export class Flusher {
  /** When so many frames of a connection are queued one by one, further ones are copied into one block. */
  readonly mostFrames: number;
  readonly #clock: Clock;
  readonly #maxBatchDelayMs: number;
  /** With it the paths of all connections begin. Only paths that begin with the same root share nodes. */
  #root = FrameRun.root();
  /** What has asked to be flushed, each in the order in which it came. */
  #replies: Flushable[] = [];
  #broadcasts: Flushable[] = [];
  #groups: Group[] = [];
  #isScheduled = false;
  /** How many messages to many were queued since the last flush, and how many of them before the last turn ended. */
  #pushes = 0;
  #pushesSeen = 0;
  #gatheredSince = 0;
  /** Gathering is over: what is queued is written, slice by slice. */
  #isDue = false;
  #flushedAt = -Infinity;

  /** @param maxBatchDelayMs Least time between two flushes, for applications that like fewer writes better than early ones. */
  constructor(clock: Clock, maxBatchDelayMs: number) {
    this.#clock = clock;
    this.#maxBatchDelayMs = maxBatchDelayMs;
    this.mostFrames = maxBatchDelayMs > 0 ? MOST_FRAMES : Infinity;
  }

  /** `run`, or the empty path, followed by a frame that other connections may get too. */
  extend(run: FrameRun | undefined, frame: Buffer, missed?: Missed): FrameRun {
    return (run ?? this.#root).with(frame, missed);
  }

  /** `run`, or the empty path, followed by frames for one connection alone. */
  extendOwn(run: FrameRun | undefined, frames: number, block: Buffer, missed?: Missed | readonly Missed[]): FrameRun {
    return (run ?? this.#root).withOwn(frames, block, missed);
  }

  /** For replies: calls `target.flush` at the end of this turn. The caller must not ask twice. */
  add(target: Flushable): void {
    this.#replies.push(target);
    if (!this.#isScheduled) this.#schedule();
  }

  /** For a message to many: calls `target.flush` once no more of them come. The caller must not ask twice. */
  addBroadcast(target: Flushable): void {
    this.#broadcasts.push(target);
    this.countBroadcast();
  }

  /** The same for a group. */
  addGroup(group: Group): void {
    this.#groups.push(group);
    this.countBroadcast();
  }

  /** Counts one more message to many, for a target that was added before. */
  countBroadcast(): void {
    this.#pushes++;
    if (!this.#isScheduled) this.#schedule();
  }

  get #hasBroadcasts(): boolean {
    return this.#groups.length > 0 || this.#broadcasts.length > 0;
  }

  #schedule(): void {
    this.#isScheduled = true;
    // It writes for all connections: in the async context of one request it would run the `drain` hooks of others.
    immediateInNoContext(this.#maxBatchDelayMs > 0 ? this.#begin : this.#turn);
  }

  readonly #begin = (): void => {
    const waitMs = this.#flushedAt + this.#maxBatchDelayMs - this.#clock.now();
    if (waitMs <= 0) return this.#turn();
    this.#isDue = true;
    this.#clock.after(waitMs, this.#turn);
  };

  readonly #turn = (): void => {
    // With a batch delay, replies leave together with the messages to many.
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
    // With a batch delay `#turn` has asked before.
    const isDue = this.#hasBroadcasts && (this.#isDue || (this.#maxBatchDelayMs === 0 && this.#isGathered()));
    const replies = this.#takeReplies(isDue ? SLICE / 2 : SLICE);
    if (isDue) return this.#writeBroadcasts(replies);
    // While messages to many are gathered the root stays, or further ones would find no node to share.
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

/** Targets with the same path share its joined bytes, so these are released after the last of them has been written to. */
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
