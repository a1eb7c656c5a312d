import { Cohort, MAX_COHORT_SIZE, type CohortMember } from "./cohort.ts";
import type { Exit } from "./exit.ts";
import type { Flushable } from "./flusher.ts";
import type { FrameRun } from "./frame-run.ts";
import type { Missed } from "./missed.ts";
import { inNoContext } from "../base/no-context.ts";
import { OwnFrames } from "./reply-block.ts";
import { Pongs } from "./pongs.ts";
import type { Deflate } from "../wire/prepared-message.ts";
import type { SendSetup } from "./send-setup.ts";
import { forgetWindow, type WindowEnd } from "./shared-history.ts";

/** Cohorts beside the full ones: members with other frames before them, such as late joiners and who has just had a reply. */
const SPARE_COHORTS = 3;

/**
 * From here on `Buffer.allocUnsafe` gives a frame a block of its own (half of the pool's 8 KiB). What is shorter shares a block
 * of the pool, and one of 20 bytes that waits keeps all of it: for a client that reads nothing that is up to 16,384 times 8 KiB.
 */
const OWN_BLOCK_BYTES = 4 * 1024;

/** Whether, and with what, the flusher will come. */
const Turn = { none: 0, broadcasts: 1, replies: 2 } as const;

/** When a frame should leave: at the end of the turn, or once no more come for its audience. */
export type Urgency = "reply" | "broadcast";

/**
 * The frames of one connection that are on their way: nothing takes them back any more, save that all are thrown away. They get
 * one write per turn of the event loop, and none while the kernel does not take any.
 */
export abstract class OutgoingFrames implements Flushable, CohortMember {
  readonly socket: Exit;
  readonly deflate: Deflate | undefined;
  /** The cohort knows better, as long as this is in one. */
  windowEnd: WindowEnd | undefined;
  place = 0;
  readonly #setup: SendSetup;
  /** Frames that wait; those in `#own`, which no other connection gets, come after them. */
  #run: FrameRun | undefined;
  /** Holds the run in our place. */
  #cohort: Cohort | undefined;
  #own: OwnFrames | undefined;
  #pongs: Pongs | undefined;
  /** The socket holds less than this unless it is blocked; asking it each time would cost more than all of the rest. */
  readonly #slack: number;
  #turn: number = Turn.none;
  #isEnding = false;
  /** Since when the socket takes nothing, or 0. */
  #blockedSince = 0;

  constructor(setup: SendSetup, socket: Exit, deflate: Deflate | undefined) {
    this.#setup = setup;
    this.socket = socket;
    this.deflate = deflate;
    this.#slack = socket.writableHighWaterMark;
  }

  /** The socket takes data again. */
  abstract drained(): void;

  protected get setup(): SendSetup {
    return this.#setup;
  }

  /** As a recipient it is one client. */
  get size(): number {
    return 1;
  }

  /** Bytes that are on their way: here and in the socket. */
  get bytesOnWay(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return (this.#own === undefined ? 0 : this.#own.bytes) + (run === undefined ? 0 : run.bytes) + this.socket.writableLength;
  }

  /** What waits for the next write counts for this. */
  protected get unwrittenCost(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return (this.#own === undefined ? 0 : this.#own.cost) + (run === undefined ? 0 : run.cost);
  }

  /** Frames that wait for the next write. */
  get unwrittenFrames(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return (this.#own === undefined ? 0 : this.#own.frames) + (run === undefined ? 0 : run.frames);
  }

  /** When the oldest byte that the socket has not passed on was written to it, or 0 when there is none. */
  get blockedSince(): number {
    return this.#blockedSince;
  }

  /** Whether this is in a cohort of that audience. */
  isIn(cohorts: readonly Cohort[]): boolean {
    return this.#cohort?.siblings === cohorts;
  }

  /** Joins the first cohort that waits for the same frames, or starts one. @param audience How many may be in one: it says how many cohorts there can be. */
  joinOneOf(cohorts: Cohort[], audience: number): void {
    const run = this.#run;
    const hasOwn = this.#own !== undefined && this.#own.frames > 0;
    if (run === undefined || hasOwn || this.#pongs !== undefined || this.#blockedSince !== 0) return;
    for (let at = cohorts.length - 1; at >= 0; at--) if (this.#join(cohorts[at] as Cohort, run)) return;
    if (cohorts.length > SPARE_COHORTS + audience / MAX_COHORT_SIZE) return;
    const cohort = new Cohort(cohorts, this.#setup, this, run);
    cohorts.push(cohort);
    this.#join(cohort, run);
  }

  #join(cohort: Cohort, run: FrameRun): boolean {
    if (!cohort.admit(this, this.#setup, run)) return false;
    this.#cohort = cohort;
    this.#run = undefined;
    return true;
  }

  /** Leaves the cohort, if this is in one, with what waits for it there. */
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
    this.#blockedSince = this.#setup.now();
  }

  /** Writes, and is blocked until the socket has passed it on. */
  writeBehind(bytes: Buffer): void {
    this.block();
    this.#writeTold(bytes);
  }

  /** The socket tells of room only after it was full: without this, one that was not quite full would be waited for for ever. */
  #writeTold(bytes: Buffer): void {
    this.socket.write(bytes, () => {
      const { writableLength, writableNeedDrain, destroyed } = this.socket;
      if (this.#blockedSince !== 0 && writableLength === 0 && !writableNeedDrain && !destroyed) inNoContext(() => this.drained());
    });
  }

  /** Whether there is surely room, for what is on its way and a message of so many bytes. Not in a cohort. Only `costOnWay` is exact. */
  protected hasRoomOnWay(bytes: number): boolean {
    const { maxQueueBytes, maxQueueMessages } = this.#setup.limits;
    const own = this.#own;
    const run = this.#run;
    const inSocket = this.#blockedSince === 0 ? this.#slack : this.socket.writableLength;
    const cost = (own === undefined ? 0 : own.cost) + (run === undefined ? 0 : run.cost) + inSocket + bytes;
    return cost <= maxQueueBytes && (own === undefined ? 0 : own.frames) + (run === undefined ? 0 : run.frames) < maxQueueMessages;
  }

  /** For a reply, which is encoded straight into the block of this connection. */
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
      this.#run = this.#setup.flusher.extendOwn(this.#run, 1, frame, missed);
    }
    this.#schedule(urgency);
  }

  /** @param frame The same object for all that get the same. */
  protected addShared(frame: Buffer, missed: Missed | undefined): void {
    this.part();
    const { flusher } = this.#setup;
    if (this.#blockedSince !== 0 || (this.#run !== undefined && this.#run.frames >= flusher.mostFrames)) return this.addFrame(frame, "broadcast", missed);
    this.#closeOwn();
    this.#run = flusher.extend(this.#run, frame, missed);
    this.#schedule("broadcast");
  }

  /** What follows goes behind the frames that no other connection gets. */
  #closeOwn(): void {
    const own = this.#own;
    if (own === undefined || own.frames === 0) return;
    const { frames, missed } = own;
    const block = this.#blockedSince === 0 ? own.take() : own.takeExact();
    this.#run = this.#setup.flusher.extendOwn(this.#run, frames, block, missed);
  }

  /** @returns whether it takes the place of one that had not left. */
  protected addPong(frame: Buffer): boolean {
    this.part();
    this.#schedule("reply");
    if (this.#pongs !== undefined) return this.#pongs.add(frame);
    this.#pongs = new Pongs(frame);
    return false;
  }

  /** Throws away what the socket has not been given: whole frames only, so the stream stays valid. Adds who wants to be told to `all`. */
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

  /** The socket takes data again: it gets what came meanwhile. @returns whether it was blocked, and is not any more. */
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

  /** What waits in a cohort is written by that. */
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
    // Once: the second time Node makes an error of it that reaches no one, and that costs more than the write.
    if (this.#isEnding && !this.socket.writableEnded) this.socket.end();
    return run;
  }

  #write(bytes: Buffer): void {
    const { socket } = this;
    // It has not taken what it was given before: after this it gets nothing until it has, or small writes pile up in it.
    if (socket.writableLength > 0) this.writeBehind(bytes);
    else if (this.#setup.slowConsumer.takesBack) this.#writePortion(bytes);
    else if (!socket.write(bytes)) this.#blockedSince = this.#setup.now();
  }

  /** With a policy that takes messages back, a socket that has something left gets no more: what it has cannot be taken back. */
  #writePortion(bytes: Buffer): void {
    this.#writeTold(bytes);
    if (this.socket.writableLength > 0 || this.socket.writableNeedDrain) this.#blockedSince = this.#setup.now();
  }

  /** Pongs go in front of what may be shared with other connections, and it is still one write: cork gathers the two. */
  #writeWithPongs({ bytes: pongs }: Pongs, bytes: Buffer | undefined): void {
    const { socket } = this;
    this.#pongs = undefined;
    if (bytes === undefined) return this.#write(pongs);
    if (socket.writableLength > 0 || this.#setup.slowConsumer.takesBack) return this.#write(Buffer.concat([pongs, bytes]));
    socket.cork();
    socket.write(pongs);
    const isTaken = socket.write(bytes);
    socket.uncork();
    if (!isTaken) this.#blockedSince = this.#setup.now();
  }

  #schedule(urgency: Urgency): void {
    if (urgency === "reply") return this.#scheduleReplies();
    if (this.#blockedSince !== 0) return;
    if (this.#turn !== Turn.none) return this.#setup.flusher.countBroadcast();
    this.#turn = Turn.broadcasts;
    this.#setup.flusher.addBroadcast(this);
  }

  #scheduleReplies(): void {
    if (this.#turn === Turn.replies || this.#blockedSince !== 0) return;
    this.#turn = Turn.replies;
    this.#setup.flusher.add(this);
  }
}
