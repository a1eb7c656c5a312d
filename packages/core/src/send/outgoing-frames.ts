import { Cohort, MAX_COHORT_SIZE, type CohortMember } from "./cohort.ts";
import type { FrameOutput } from "./frame-output.ts";
import type { Flushable } from "./flusher.ts";
import type { FrameRun } from "./frame-run.ts";
import type { Missed } from "./missed.ts";
import { inNoContext } from "../base/no-context.ts";
import { OwnFrames } from "./reply-block.ts";
import { Pongs } from "./pongs.ts";
import type { Deflate } from "../wire/prepared-message.ts";
import type { SendSetup } from "./send-setup.ts";
import { forgetWindow, type WindowEnd } from "./shared-history.ts";

/** Cohorts beyond the full ones, for members with a different queue: late joiners, and clients that have just had a reply. */
const SPARE_COHORTS = 3;

/**
 * From this length on `Buffer.allocUnsafe` gives a frame memory of its own (half of the pool's 8 KiB). Shorter ones share a block of the
 * pool, and a frame of 20 bytes that waits keeps the whole block: 16,384 of them for a client that reads nothing would keep 128 MiB.
 */
const OWN_BLOCK_BYTES = 4 * 1024;

/** For which kind of messages the flusher was asked to call `flush`, if it was. */
const Turn = { none: 0, broadcasts: 1, replies: 2 } as const;

/** When a frame should leave: at the end of the turn, or once a turn has brought no more for its audience. */
export type Urgency = "reply" | "broadcast";

/**
 * The frames of one connection that are on their way: no policy takes one of them back, but all can be thrown away together. They
 * leave in one write for each turn of the event loop, and in none while the socket is full.
 */
export abstract class OutgoingFrames implements Flushable, CohortMember {
  readonly socket: FrameOutput;
  readonly deflate: Deflate | undefined;
  /** Out of date while this is in a cohort, which has its own. */
  windowEnd: WindowEnd | undefined;
  place = 0;
  protected readonly setup: SendSetup;
  /** Frames to write. Behind them come those in `#own`, which no other connection gets. */
  #run: FrameRun | undefined;
  /** The cohort that this is in. Then the run is there. */
  #cohort: Cohort | undefined;
  #own: OwnFrames | undefined;
  #pongs: Pongs | undefined;
  /** The socket holds less than this unless it is blocked. To ask it for each message would cost more than all the rest. */
  readonly #slack: number;
  #turn: number = Turn.none;
  #isEnding = false;
  /** Since when the socket takes nothing, or 0. */
  #blockedSince = 0;

  constructor(setup: SendSetup, socket: FrameOutput, deflate: Deflate | undefined) {
    this.setup = setup;
    this.socket = socket;
    this.deflate = deflate;
    this.#slack = socket.writableHighWaterMark;
  }

  /** The socket takes data again. */
  abstract drained(): void;

  /** How many clients that is. */
  get size(): number {
    return 1;
  }

  /** Bytes that are on their way: here and in the socket. */
  get bytesOnWay(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return (this.#own === undefined ? 0 : this.#own.bytes) + (run === undefined ? 0 : run.bytes) + this.socket.writableLength;
  }

  /** What the frames for the next write count for in the queue. */
  protected get unwrittenCost(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return (this.#own === undefined ? 0 : this.#own.cost) + (run === undefined ? 0 : run.cost);
  }

  /** How many frames the next write has. */
  get unwrittenFrames(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return (this.#own === undefined ? 0 : this.#own.frames) + (run === undefined ? 0 : run.frames);
  }

  /** When the socket got the oldest byte that it has not passed on, or 0 when there is none. Milliseconds. */
  get blockedSince(): number {
    return this.#blockedSince;
  }

  /** Whether this is in a cohort of that audience. */
  isIn(cohorts: readonly Cohort[]): boolean {
    return this.#cohort?.siblings === cohorts;
  }

  /** Joins the first cohort with the same frames to write, or starts one. @param audience Its size limits how many cohorts it has. */
  joinOneOf(cohorts: Cohort[], audience: number): void {
    const run = this.#run;
    const hasOwn = this.#own !== undefined && this.#own.frames > 0;
    if (run === undefined || hasOwn || this.#pongs !== undefined || this.#blockedSince !== 0) return;
    for (let at = cohorts.length - 1; at >= 0; at--) if (this.#join(cohorts[at] as Cohort, run)) return;
    if (cohorts.length > SPARE_COHORTS + audience / MAX_COHORT_SIZE) return;
    const cohort = new Cohort(cohorts, this.setup, this, run);
    cohorts.push(cohort);
    this.#join(cohort, run);
  }

  #join(cohort: Cohort, run: FrameRun): boolean {
    if (!cohort.admit(this, this.setup, run)) return false;
    this.#cohort = cohort;
    this.#run = undefined;
    return true;
  }

  /** Leaves its cohort, if it is in one, and takes over the frames that it has to write. */
  part(): void {
    const cohort = this.#cohort;
    if (cohort === undefined) return;
    this.#cohort = undefined;
    cohort.dismiss(this);
    this.windowEnd = cohort.windowEnd;
    this.#run = cohort.run;
    if (this.#run !== undefined) this.#schedule("broadcast");
  }

  block(): void {
    this.part();
    this.#blockedSince = this.setup.now();
  }

  /** Writes, and is blocked until the socket has passed it on. */
  writeBehind(bytes: Buffer): void {
    this.block();
    this.#writeTold(bytes);
  }

  /** Asks to be called back: a socket emits `drain` only after it was full, and one that was not quite full would never do so. */
  #writeTold(bytes: Buffer): void {
    this.socket.write(bytes, () => {
      const { writableLength, writableNeedDrain, destroyed } = this.socket;
      if (this.#blockedSince !== 0 && writableLength === 0 && !writableNeedDrain && !destroyed) inNoContext(() => this.drained());
    });
  }

  /** Whether so many bytes surely fit into the queue. It takes the socket for full; only `costOnWay` is exact. Not in a cohort. */
  protected hasRoomOnWay(bytes: number): boolean {
    const { maxQueueBytes, maxQueueMessages } = this.setup.limits;
    const own = this.#own;
    const run = this.#run;
    const inSocket = this.#blockedSince === 0 ? this.#slack : this.socket.writableLength;
    const cost = (own === undefined ? 0 : own.cost) + (run === undefined ? 0 : run.cost) + inSocket + bytes;
    return cost <= maxQueueBytes && (own === undefined ? 0 : own.frames) + (run === undefined ? 0 : run.frames) < maxQueueMessages;
  }

  /** The block for a reply, which is encoded straight into it. */
  protected addOwn(): OwnFrames {
    if (this.#turn !== Turn.replies) this.#scheduleReplies();
    return (this.#own ??= new OwnFrames());
  }

  /**
   * Short frames are copied together, so that what waits takes little more than its bytes, and what leaves is one block. A long
   * one stays the same for all that get it.
   */
  protected addFrame(frame: Buffer, urgency: Urgency, missed: Missed | undefined): void {
    this.part();
    if (frame.byteLength < OWN_BLOCK_BYTES) {
      const own = (this.#own ??= new OwnFrames());
      own.addFrame(frame);
      if (missed !== undefined) own.tell(missed);
    } else {
      this.#closeOwn();
      this.#run = this.setup.flusher.extendOwn(this.#run, 1, frame, missed);
    }
    this.#schedule(urgency);
  }

  /** @param frame The same object for all that get the same. */
  protected addShared(frame: Buffer, missed: Missed | undefined): void {
    this.part();
    const { flusher } = this.setup;
    if (this.#blockedSince !== 0 || (this.#run !== undefined && this.#run.frames >= flusher.mostFrames)) return this.addFrame(frame, "broadcast", missed);
    this.#closeOwn();
    this.#run = flusher.extend(this.#run, frame, missed);
    this.#schedule("broadcast");
  }

  /** Moves the frames of `#own` into the run, so that shared frames can follow them. */
  #closeOwn(): void {
    const own = this.#own;
    if (own === undefined || own.frames === 0) return;
    const { frames, missed } = own;
    const block = this.#blockedSince === 0 ? own.take() : own.takeExact();
    this.#run = this.setup.flusher.extendOwn(this.#run, frames, block, missed);
  }

  /** @returns whether the pong replaces one that had not left. */
  protected addPong(frame: Buffer): boolean {
    this.part();
    this.#schedule("reply");
    if (this.#pongs !== undefined) return this.#pongs.add(frame);
    this.#pongs = new Pongs(frame);
    return false;
  }

  /** Throws away all whole frames that the socket has not been given. Adds to `all` what the application wants called. */
  protected clearInto(all: Missed[]): void {
    this.part();
    this.#run?.missedInto(all);
    for (const missed of this.#own?.missed ?? []) all.push(missed);
    this.#run = undefined;
    this.#pongs = undefined;
    this.#own?.take();
    forgetWindow(this);
  }

  /** Ends the stream behind everything that waits. */
  protected endStream(): void {
    this.part();
    this.#isEnding = true;
    this.#schedule("reply");
  }

  /** The socket takes data again: writes what came meanwhile. @returns whether it was blocked and is free now. */
  protected unblock(): boolean {
    if (this.#blockedSince === 0) return false;
    this.#blockedSince = 0;
    this.flushNow();
    return this.#blockedSince === 0;
  }

  /** Gives the socket what waits, now. */
  flushNow(): void {
    this.part();
    this.flush();
  }

  /** While this is in a cohort, the cohort writes. */
  flush(): FrameRun | undefined {
    this.#turn = Turn.none;
    if (this.#blockedSince !== 0 || this.#cohort !== undefined) return undefined;
    const run = this.#run;
    const pongs = this.#pongs;
    const own = this.#own;
    let bytes: Buffer | undefined;
    if (own === undefined || own.frames === 0) bytes = run?.join();
    else if (run === undefined) bytes = own.take();
    else bytes = run.withOwn(own.frames, own.take(), undefined).join();
    this.#run = undefined;
    if (pongs !== undefined) this.#writeWithPongs(pongs, bytes);
    else if (bytes !== undefined) this.#write(bytes);
    // Only once: for a second `end` Node creates an error that reaches no listener and costs more than the write.
    if (this.#isEnding && !this.socket.writableEnded) this.socket.end();
    return run;
  }

  #write(bytes: Buffer): void {
    const { socket } = this;
    // It still holds bytes. After this write it gets nothing until it has passed on everything, or small writes would pile up.
    if (socket.writableLength > 0) this.writeBehind(bytes);
    else if (this.setup.slowConsumer.takesBack) this.#writePortion(bytes);
    else if (!socket.write(bytes)) this.#blockedSince = this.setup.now();
  }

  /** For a policy that takes messages back: a socket that holds anything gets no more, since what it holds cannot be taken back. */
  #writePortion(bytes: Buffer): void {
    this.#writeTold(bytes);
    if (this.socket.writableLength > 0 || this.socket.writableNeedDrain) this.#blockedSince = this.setup.now();
  }

  /** Pongs go in front of a block that other connections may share, so they cannot be part of it; `cork` makes one write of both. */
  #writeWithPongs({ bytes: pongs }: Pongs, bytes: Buffer | undefined): void {
    const { socket } = this;
    this.#pongs = undefined;
    if (bytes === undefined) return this.#write(pongs);
    if (socket.writableLength > 0 || this.setup.slowConsumer.takesBack) return this.#write(Buffer.concat([pongs, bytes]));
    socket.cork();
    socket.write(pongs);
    const isTaken = socket.write(bytes);
    socket.uncork();
    if (!isTaken) this.#blockedSince = this.setup.now();
  }

  #schedule(urgency: Urgency): void {
    if (urgency === "reply") return this.#scheduleReplies();
    if (this.#blockedSince !== 0) return;
    if (this.#turn !== Turn.none) return this.setup.flusher.countBroadcast();
    this.#turn = Turn.broadcasts;
    this.setup.flusher.addBroadcast(this);
  }

  #scheduleReplies(): void {
    if (this.#turn === Turn.replies || this.#blockedSince !== 0) return;
    this.#turn = Turn.replies;
    this.setup.flusher.add(this);
  }
}
