import type { Socket } from "node:net";
import { Cohort, MAX_COHORT_SIZE, type CohortMember, type OutboxSetup } from "./cohort.ts";
import type { Flushable } from "./flusher.ts";
import { frameLength } from "./frame.ts";
import type { FrameRun } from "./frame-run.ts";
import { Message } from "./message.ts";
import { OwnFrames } from "./own-frames.ts";
import { Pongs } from "./pongs.ts";
import { PreparedMessage, type Deflate } from "./prepared-message.ts";
import { forgetWindow, type Broadcast, type WindowEnd } from "./shared-history.ts";
import { tellDrain } from "./socket-owner.ts";

/** For those who do not wait for what most wait for. */
const SPARE_COHORTS = 3;

/**
 * From here on `Buffer.allocUnsafe` gives a frame a block of its own (half of the pool's 8 KiB). What is shorter shares a block
 * of the pool, and one of 20 bytes that waits keeps all of it: for a client that reads nothing that is up to 16,384 times 8 KiB.
 */
const OWN_BLOCK_BYTES = 4 * 1024;

/** The frames on their way to one socket: one write per turn, and none while the kernel is not taking any. */
export class Outbox implements Flushable, CohortMember {
  readonly socket: Socket;
  readonly deflate: Deflate | undefined;
  /** The cohort knows better, as long as this is in one. */
  windowEnd: WindowEnd | undefined;
  place = 0;
  #isDirect = false;
  readonly #setup: OutboxSetup;
  /** What waits, and behind it what nobody else gets. */
  #run: FrameRun | undefined;
  /** Holds the run in our place. */
  #cohort: Cohort | undefined;
  #own: OwnFrames | undefined;
  /** The socket holds less than this unless it is blocked; asking it each time would cost more than all of the rest. */
  readonly #slack: number;
  #pongs: Pongs | undefined;
  #isQueued = false;
  #isEnding = false;
  /** Since when the socket takes nothing, or 0. */
  #blockedSince = 0;

  constructor(setup: OutboxSetup, socket: Socket, deflate: Deflate | undefined) {
    this.#setup = setup;
    this.socket = socket;
    this.deflate = deflate;
    this.#slack = socket.writableHighWaterMark;
  }

  /** As a recipient it is one client. */
  get size(): number {
    return 1;
  }

  /** Bytes that wait here and in the socket. */
  get bytes(): number {
    return this.#waiting + this.socket.writableLength;
  }

  /** Frames that wait here. */
  get frames(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return (this.#own === undefined ? 0 : this.#own.frames) + (run === undefined ? 0 : run.frames);
  }

  /** When the oldest waiting byte was written to the socket, or 0 when nothing waits there. */
  get blockedSince(): number {
    return this.#blockedSince;
  }

  get #waiting(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return (this.#own === undefined ? 0 : this.#own.bytes) + (run === undefined ? 0 : run.bytes);
  }

  get #hasOwn(): boolean {
    return this.#own !== undefined && this.#own.frames > 0;
  }

  /** Whether `offer` may take messages past everything that its sender is for: policies, writers, the state. */
  set isDirect(isDirect: boolean) {
    this.#isDirect = isDirect;
    if (!isDirect) this.part();
  }

  /** Whether this is in a cohort of that audience. */
  isIn(cohorts: readonly Cohort[]): boolean {
    return this.#cohort?.siblings === cohorts;
  }

  /** From now on this waits with others who wait for the same. @param audience How many may: it says how many cohorts there can be. */
  joinOneOf(cohorts: Cohort[], audience: number): void {
    const run = this.#run;
    if (!this.#isDirect || run === undefined || this.#hasOwn || this.#pongs !== undefined || this.#blockedSince !== 0) return;
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

  part(): void {
    const cohort = this.#cohort;
    if (cohort === undefined) return;
    this.#cohort = undefined;
    cohort.dismiss(this);
    this.windowEnd = cohort.windowEnd;
    this.#run = cohort.run;
    if (this.#run !== undefined) this.#schedule();
  }

  block(): void {
    this.part();
    this.#blockedSince = this.#setup.now();
  }

  writeBehind(bytes: Buffer): void {
    this.block();
    // The socket tells of room only after it was full: without this, `drain()` would wait for ever.
    this.socket.write(bytes, () => {
      if (this.#blockedSince !== 0 && !this.socket.writableNeedDrain && !this.socket.destroyed) tellDrain(this.socket);
    });
  }

  /** Takes a message when nothing stands in its way. @returns false when its sender has to look at it. */
  offer(data: unknown): boolean {
    if (!this.#isDirect) return false;
    this.part();
    if (data instanceof PreparedMessage) {
      if (!this.#hasRoomFor(data.frameBytes)) return false;
      this.push(data.frame(this.deflate));
      return true;
    }
    if (this.deflate?.sharesHistory === false) return false;
    if (typeof data === "string") return this.#offerText(data);
    return data instanceof Message && this.#offerMessage(data);
  }

  /** The same for a message to an audience. */
  offerToMany(broadcast: Broadcast): boolean {
    if (!this.#isDirect) return false;
    this.part();
    if (!this.#hasRoomFor(broadcast.mostBytes)) return false;
    this.push(broadcast.frameFor(this));
    return true;
  }

  /** @param frame One or more whole frames; the same object for everybody who gets the same. */
  push(frame: Buffer): void {
    this.part();
    const { flusher } = this.#setup;
    if (this.#blockedSince !== 0 || (this.#run !== undefined && this.#run.frames >= flusher.mostFrames)) return this.#keep(frame);
    const own = this.#own;
    if (own !== undefined && own.frames > 0) this.#run = flusher.extendOwn(this.#run, own.frames, own.take());
    this.#run = flusher.extend(this.#run, frame);
    this.#schedule();
  }

  /** Takes a frame that may be left out: the answer to it would only tell that the client is behind. */
  pushPing(frame: Buffer): void {
    if (this.#isFullFor(frame) && this.#blockedSince === 0) this.flushNow();
    if (!this.#isFullFor(frame)) this.push(frame);
  }

  #isFullFor(frame: Buffer): boolean {
    const { bytes } = this;
    const { maxQueueBytes, maxQueueMessages } = this.#setup.limits;
    return bytes > 0 && (bytes + frame.byteLength > maxQueueBytes || this.frames >= maxQueueMessages);
  }

  /** @returns whether it takes the place of one that had not left. */
  pushPong(frame: Buffer): boolean {
    this.part();
    this.#schedule();
    if (this.#pongs !== undefined) return this.#pongs.add(frame);
    this.#pongs = new Pongs(frame);
    return false;
  }

  /** Forgets what the socket has not been given: whole frames only, so the stream stays valid. */
  discard(): void {
    this.part();
    this.#run = undefined;
    this.#pongs = undefined;
    this.#own?.take();
    forgetWindow(this);
  }

  /** Ends the TCP stream after everything that waits. */
  end(): void {
    this.part();
    this.#isEnding = true;
    this.#schedule();
  }

  /** The socket emitted `drain`: it gets what came meanwhile. @returns whether it was blocked, and is not any more. */
  unblock(): boolean {
    if (this.#blockedSince === 0) return false;
    this.#blockedSince = 0;
    this.flushNow();
    return this.#blockedSince === 0;
  }

  flushNow(): void {
    this.part();
    this.flush();
  }

  /** What waits in a cohort is written by that. */
  flush(): FrameRun | undefined {
    this.#isQueued = false;
    if (this.#blockedSince !== 0 || this.#cohort !== undefined) return undefined;
    const run = this.#run;
    const pongs = this.#pongs?.bytes;
    const messages = this.#joined();
    this.#run = undefined;
    this.#pongs = undefined;
    const isGathering = pongs !== undefined && messages !== undefined;
    // It has not taken what it was given before: after this it gets nothing until it has, or small writes pile up in it.
    const isBehind = this.socket.writableLength > 0;
    if (isGathering) {
      // In front of the shared bytes, and still one write: cork gathers the two.
      this.socket.cork();
      this.socket.write(pongs);
    }
    const bytes = messages ?? pongs;
    if (bytes !== undefined && isBehind) this.writeBehind(bytes);
    else if (bytes !== undefined) this.socket.write(bytes);
    if (isGathering) this.socket.uncork();
    if (this.#blockedSince === 0 && this.socket.writableNeedDrain) this.#blockedSince = this.#setup.now();
    // Once: the second time Node makes an error of it, for nobody, and that costs more than the write.
    if (this.#isEnding && !this.socket.writableEnded) this.socket.end();
    return run;
  }

  #joined(): Buffer | undefined {
    const run = this.#run;
    const own = this.#own;
    if (own === undefined || own.frames === 0) return run?.join();
    return run === undefined ? own.take() : run.withOwn(own.frames, own.take()).join();
  }

  /**
   * Takes a frame that will wait for long: short ones are copied together, so that they take little more than their bytes.
   * A long one stays the same for all that wait for it.
   */
  #keep(frame: Buffer): void {
    const own = this.#ownNow();
    const { flusher } = this.#setup;
    if (frame.byteLength < OWN_BLOCK_BYTES) {
      own.addFrame(frame);
    } else {
      if (own.frames > 0) this.#run = flusher.extendOwn(this.#run, own.frames, own.takeExact());
      this.#run = flusher.extendOwn(this.#run, 1, frame);
    }
    this.#schedule();
  }

  #offerText(text: string): boolean {
    const payloadBytes = Buffer.byteLength(text);
    if (!this.#hasRoomFor(frameLength(payloadBytes))) return false;
    this.#ownNow().addText(text, payloadBytes);
    this.#schedule();
    return true;
  }

  #offerMessage(message: Message): boolean {
    if (!this.#hasRoomFor(frameLength(message.byteLength))) return false;
    this.#ownNow().addMessage(message);
    this.#schedule();
    return true;
  }

  #ownNow(): OwnFrames {
    this.#own ??= new OwnFrames();
    return this.#own;
  }

  /** Whether there is room for sure; the sender knows exactly. */
  #hasRoomFor(bytes: number): boolean {
    const { maxQueueBytes, maxQueueMessages } = this.#setup.limits;
    const inSocket = this.#blockedSince === 0 ? this.#slack : this.socket.writableLength;
    return this.#waiting + inSocket + bytes <= maxQueueBytes && this.frames < maxQueueMessages;
  }

  #schedule(): void {
    if (this.#isQueued || this.#blockedSince !== 0) return;
    this.#isQueued = true;
    this.#setup.flusher.add(this);
  }
}
