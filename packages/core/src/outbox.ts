import type { Socket } from "node:net";
import { Cohort, type OutboxSetup } from "./cohort.ts";
import type { Flushable, Turn } from "./flusher.ts";
import { frameLength, Opcode, writeHeader } from "./frame.ts";
import type { FrameRun } from "./frame-run.ts";
import { Message } from "./message.ts";
import { PreparedMessage, type Deflate } from "./prepared-message.ts";

const EMPTY = Buffer.alloc(0);
/** Room for the second and further replies of one turn. */
const OWN_BYTES = 1024;

/** The frames on their way to one socket: one write per turn, and none while the kernel is not taking any. */
export class Outbox implements Flushable {
  #isDirect = false;
  readonly #setup: OutboxSetup;
  readonly #socket: Socket;
  readonly #deflate: Deflate | undefined;
  /** What waits; behind it, what nobody else gets: written frame by frame into one block, whose end is `#ownBytes`. */
  #run: FrameRun | undefined;
  /** Holds the run in our place. */
  #cohort: Cohort | undefined;
  #own = EMPTY;
  #ownBytes = 0;
  #ownFrames = 0;
  /** What the socket held when the first of the waiting frames came: it can only have become less. */
  #inSocket = 0;
  /** The newest pong: RFC 6455 §5.5.3 lets us answer only the latest ping, so at most one ever waits. */
  #pong: Buffer | undefined;
  #isQueued = false;
  #isEnding = false;
  /** Since when the socket takes nothing, or 0. */
  #blockedSince = 0;

  constructor(setup: OutboxSetup, socket: Socket, deflate: Deflate | undefined) {
    this.#setup = setup;
    this.#socket = socket;
    this.#deflate = deflate;
  }

  /** Bytes that wait here and in the socket. */
  get bytes(): number {
    return this.#waiting + this.#socket.writableLength;
  }

  /** Frames that wait here. */
  get frames(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return this.#ownFrames + (run === undefined ? 0 : run.frames);
  }

  /** When the oldest waiting byte was written to the socket, or 0 when nothing waits there. */
  get blockedSince(): number {
    return this.#blockedSince;
  }

  /** What is shared until the next flush. */
  get turn(): Turn {
    return this.#setup.flusher.turn;
  }

  get #waiting(): number {
    const run = this.#cohort === undefined ? this.#run : this.#cohort.run;
    return this.#ownBytes + (run === undefined ? 0 : run.bytes);
  }

  /** Whether `offer` may take messages past everything that its sender is for: policies, writers, the state. */
  set isDirect(isDirect: boolean) {
    this.#isDirect = isDirect;
    if (!isDirect) this.part();
  }

  isIn(cohorts: readonly Cohort[]): boolean {
    return this.#cohort !== undefined && cohorts.includes(this.#cohort);
  }

  /** Waits together with those who wait for the same; in a new cohort, if there may be one more. */
  joinOneOf(cohorts: Cohort[], max: number): void {
    const run = this.#run;
    if (!this.#isDirect || run === undefined || this.#ownFrames > 0 || this.#blockedSince !== 0) return;
    for (const cohort of cohorts) {
      if (!cohort.admit(this.#setup, this.#deflate, run, this.#inSocket)) continue;
      this.#cohort = cohort;
      return;
    }
    if (cohorts.length === max) return;
    cohorts.push(new Cohort(this.#setup, this.#deflate, run));
    this.joinOneOf(cohorts, max);
  }

  /** From now on what waits here is our own again. */
  part(): void {
    const cohort = this.#cohort;
    if (cohort === undefined) return;
    this.#cohort = undefined;
    this.#run = cohort.run;
    cohort.size--;
  }

  /** Takes a message when nothing stands in its way. @returns false when its sender has to look at it. */
  offer(data: unknown): boolean {
    if (!this.#isDirect) return false;
    this.part();
    if (data instanceof PreparedMessage) {
      if (!this.#hasRoomFor(data.frameBytes)) return false;
      this.push(data.frame(this.#deflate));
      return true;
    }
    if (this.#deflate !== undefined) return false;
    if (typeof data === "string") return this.#offerText(data);
    return data instanceof Message && this.#offerMessage(data);
  }

  /** @param frame One or more whole frames; the same object for everybody who gets the same. */
  push(frame: Buffer): void {
    this.part();
    const run = this.#ownFrames === 0 ? this.#run : this.#sealed();
    this.#run = this.#setup.flusher.extend(run, frame);
    this.#schedule();
  }

  /** @returns whether it takes the place of one that had not left. */
  pushPong(frame: Buffer): boolean {
    const isInstead = this.#pong !== undefined;
    this.#pong = frame;
    this.#schedule();
    return isInstead;
  }

  /** Forgets what the socket has not been given: whole frames only, so the stream stays valid. */
  discard(): void {
    this.part();
    this.#run = undefined;
    this.#pong = undefined;
    this.#takeOwn();
  }

  /** Ends the TCP stream after everything that waits. */
  end(): void {
    this.#isEnding = true;
    this.#schedule();
  }

  /** The socket emitted `drain`: it gets what came meanwhile. */
  unblock(): void {
    this.#blockedSince = 0;
    this.flush();
  }

  flush(): FrameRun | undefined {
    this.#isQueued = false;
    if (this.#blockedSince !== 0) return undefined;
    this.part();
    const run = this.#run;
    const pong = this.#pong;
    this.#run = undefined;
    this.#pong = undefined;
    if (pong !== undefined) {
      // In front of the shared bytes, and still one write: cork gathers the two.
      this.#socket.cork();
      this.#socket.write(pong);
    }
    if (this.#ownFrames === 0) {
      if (run !== undefined) this.#socket.write(run.join());
    } else {
      const frames = this.#ownFrames;
      const own = this.#takeOwn();
      this.#socket.write(run === undefined ? own : run.withOwn(own, frames).join());
    }
    if (pong !== undefined) this.#socket.uncork();
    if (this.#socket.writableNeedDrain) this.#blockedSince = this.#setup.now();
    if (this.#isEnding) this.#socket.end();
    return run;
  }

  #offerText(text: string): boolean {
    const payloadBytes = Buffer.byteLength(text);
    const bytes = frameLength(payloadBytes);
    if (!this.#hasRoomFor(bytes)) return false;
    const at = this.#reserve(bytes);
    this.#own.write(text, writeHeader(this.#own, at, Opcode.text, payloadBytes), "utf8");
    return true;
  }

  #offerMessage(message: Message): boolean {
    const { byteLength, isBinary } = message;
    const bytes = frameLength(byteLength);
    if (!this.#hasRoomFor(bytes)) return false;
    const at = this.#reserve(bytes);
    message.copyTo(this.#own, writeHeader(this.#own, at, isBinary ? Opcode.binary : Opcode.text, byteLength));
    return true;
  }

  #hasRoomFor(bytes: number): boolean {
    const here = this.#waiting;
    // Asking the socket each time would cost more than all of the rest.
    if (here === 0) this.#inSocket = this.#socket.writableLength;
    const waiting = here + this.#inSocket;
    const { maxQueueBytes, maxQueueMessages } = this.#setup.limits;
    return waiting === 0 || (waiting + bytes <= maxQueueBytes && this.frames < maxQueueMessages);
  }

  /** Room for one more frame of this client alone. @returns where it begins. */
  #reserve(bytes: number): number {
    const at = this.#ownBytes;
    const needed = at + bytes;
    if (needed > this.#own.byteLength) {
      // The first one usually stays the only one. What could be shared with slow clients is not taken from the pool.
      const grown = at === 0 ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(Math.max(OWN_BYTES, needed, 2 * at));
      this.#own.copy(grown, 0, 0, at);
      this.#own = grown;
    }
    this.#ownBytes = needed;
    this.#ownFrames++;
    this.#schedule();
    return at;
  }

  #sealed(): FrameRun {
    const frames = this.#ownFrames;
    return this.#setup.flusher.extendOwn(this.#run, this.#takeOwn(), frames);
  }

  #takeOwn(): Buffer {
    const own = this.#own;
    const bytes = this.#ownBytes;
    this.#own = EMPTY;
    this.#ownBytes = 0;
    this.#ownFrames = 0;
    return bytes === own.byteLength ? own : own.subarray(0, bytes);
  }

  #schedule(): void {
    if (this.#isQueued || this.#blockedSince !== 0) return;
    this.#isQueued = true;
    this.#setup.flusher.add(this);
  }
}
