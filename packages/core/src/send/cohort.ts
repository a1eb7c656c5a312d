import type { Exit } from "./exit.ts";
import type { Group } from "./flusher.ts";
import { payloadLength } from "../wire/frame.ts";
import type { FrameRun } from "./frame-run.ts";
import { MISSED_BYTES, type Missed } from "./missed.ts";
import type { Deflate } from "../wire/prepared-message.ts";
import type { SendSetup } from "./send-setup.ts";
import type { Broadcast, Recipient, WindowEnd } from "./shared-history.ts";

/** A send queue, as its cohort sees it. */
export interface CohortMember extends Recipient {
  readonly socket: Exit;
  /** Where it is in its cohort. */
  place: number;
  /** Takes what its cohort waits for, and leaves. */
  part(): void;
  /** Its socket takes no more for now. */
  block(): void;
  /** Writes, and is blocked until the socket has taken it; what was written before it has not. */
  writeBehind(bytes: Buffer): void;
}

/** All of a cohort are written to in one turn of the event loop; see `flusher.ts`. */
export const MAX_COHORT_SIZE = 500;

/**
 * Send queues that wait for the same frames, or all for none: a message to all of them is queued once, here, and written in one
 * loop over their sockets. One that gets anything else, or is blocked, parts before. The windows of all end alike.
 */
export class Cohort implements Group, Recipient {
  /** Those of the same audience. */
  readonly siblings: readonly Cohort[];
  readonly deflate: Deflate | undefined;
  windowEnd: WindowEnd | undefined;
  readonly #setup: SendSetup;
  readonly #members: CohortMember[] = [];
  /** Beside the members, whose memory the loop over thousands of sockets then does not touch. */
  readonly #sockets: Exit[] = [];
  #run: FrameRun | undefined;
  /** The most that the socket of any of them may hold without being blocked. */
  #slack = 0;

  /** For one that waits for `run`, and others like it; none of them is in it yet. */
  constructor(siblings: readonly Cohort[], setup: SendSetup, { deflate, windowEnd }: Recipient, run: FrameRun) {
    this.siblings = siblings;
    this.deflate = deflate;
    this.windowEnd = windowEnd;
    this.#setup = setup;
    this.#run = run;
    setup.flusher.addGroup(this);
  }

  get size(): number {
    return this.#members.length;
  }

  get run(): FrameRun | undefined {
    return this.#run;
  }

  /** Takes a send queue that waits for the same, if the next message would be framed and counted for it as for the others. */
  admit(member: CohortMember, setup: SendSetup, run: FrameRun): boolean {
    if (run !== this.#run || setup !== this.#setup || member.deflate?.key !== this.deflate?.key) return false;
    if (member.windowEnd !== this.windowEnd || this.size === MAX_COHORT_SIZE) return false;
    member.place = this.#members.push(member) - 1;
    this.#sockets.push(member.socket);
    this.#slack = Math.max(this.#slack, member.socket.writableHighWaterMark);
    return true;
  }

  dissolve(): void {
    for (let last = this.#members.at(-1); last !== undefined; last = this.#members.at(-1)) last.part();
  }

  /** Lets a member go, which takes `run` and `windowEnd` with it. */
  dismiss({ place }: CohortMember): void {
    const last = this.#members.pop();
    const lastSocket = this.#sockets.pop();
    if (last === undefined || lastSocket === undefined || place === this.#members.length) return;
    this.#members[place] = last;
    this.#sockets[place] = lastSocket;
    last.place = place;
  }

  hasRoomFor({ mostBytes }: Broadcast, missed: Missed | undefined): boolean {
    const { maxQueueBytes, maxQueueMessages } = this.#setup.limits;
    const run = this.#run;
    const cost = mostBytes + (missed === undefined ? 0 : MISSED_BYTES);
    return (run?.cost ?? 0) + this.#slack + cost <= maxQueueBytes && (run?.frames ?? 0) < maxQueueMessages;
  }

  push(broadcast: Broadcast, missed: Missed | undefined): void {
    const run = this.#run;
    const { flusher, counters } = this.#setup;
    this.#run = flusher.extend(run, broadcast.frameFor(this), missed);
    counters.messagesOut += this.size;
    counters.bytesOut += this.size * payloadLength(broadcast.message.frameBytes);
    if (run === undefined) flusher.addGroup(this);
    else flusher.countBroadcast();
  }

  flush(): FrameRun | undefined {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined || this.size === 0) return run;
    const bytes = run.join();
    let mayBeBlocked = false;
    // From the end, since who is behind leaves its place to the last one.
    for (let at = this.#sockets.length - 1; at >= 0; at--) {
      const socket = this.#sockets[at] as Exit;
      if (socket.writableLength > 0) {
        this.#members[at]?.writeBehind(bytes);
        continue;
      }
      socket.write(bytes);
      mayBeBlocked ||= socket.writableNeedDrain;
    }
    // After a long write a socket says so until the ticks of this turn are over, also when the kernel took all of it.
    if (mayBeBlocked) process.nextTick(this.#partBlocked);
    return run;
  }

  readonly #partBlocked = (): void => {
    // From the end, since who is blocked leaves its place to the last one.
    for (let at = this.#sockets.length - 1; at >= 0; at--) if (this.#sockets[at]?.writableNeedDrain === true) this.#members[at]?.block();
  };
}
