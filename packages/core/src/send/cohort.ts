import type { FrameOutput } from "./frame-output.ts";
import type { Group } from "./flusher.ts";
import { payloadLength } from "../wire/frame.ts";
import type { FrameRun } from "./frame-run.ts";
import { MISSED_BYTES, type Missed } from "./missed.ts";
import type { Deflate } from "../wire/prepared-message.ts";
import type { SendSetup } from "./send-setup.ts";
import type { Broadcast, Recipient, WindowEnd } from "./shared-history.ts";

// For broadcasts to many. Connections that have the same frames to write need one queue and not a thousand equal ones: a cohort
// holds that queue for up to 500 of them, so that a broadcast is framed, counted and queued once for each cohort, and written in
// one loop over its sockets. A member "parts", with the frames that it still has to write, before its queue differs from the others':
// for a reply, a ping, a socket that is full. While there are broadcasts only, to queue and write 16 messages for 1,000 sockets that
// cost nothing takes 8 ns for each message and member; without cohorts it takes 64.

/** A send queue, as its cohort sees it. */
export interface CohortMember extends Recipient {
  readonly socket: FrameOutput;
  /** Where it is in its cohort. */
  place: number;
  /** Leaves its cohort. It has from then on a queue of its own, which begins with the frames of the cohort. */
  part(): void;
  /** Its socket takes no more for now. */
  block(): void;
  /** Writes to a socket that still holds bytes. Nothing more is written until the socket has passed all of them on. */
  writeBehind(bytes: Buffer): void;
}

/** The flusher writes to all of a cohort in one turn of the event loop, so a larger one would hold up reads and timers. */
export const MAX_COHORT_SIZE = 500;

/**
 * Send queues of one audience that have the same frames to write, or all none. With a shared compression history, the windows of
 * all their clients end in the same bytes too, so that all can read the same compressed frames.
 */
export class Cohort implements Group, Recipient {
  /** The cohorts of the same audience. */
  readonly siblings: readonly Cohort[];
  readonly deflate: Deflate | undefined;
  windowEnd: WindowEnd | undefined;
  readonly #setup: SendSetup;
  readonly #members: CohortMember[] = [];
  /** The socket of each member, at the same place: the loop that writes need not touch the memory of thousands of members. */
  readonly #sockets: FrameOutput[] = [];
  #run: FrameRun | undefined;
  /** The most that the socket of any member may hold while it counts as free. Bytes. */
  #slack = 0;

  /** Makes a cohort without members. @param run The frames that its members have to write. */
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

  /** Takes a send queue that has the same frames to write and the same settings, so that all stays the same for the next message. */
  admit(member: CohortMember, setup: SendSetup, run: FrameRun): boolean {
    if (run !== this.#run || setup !== this.#setup || member.deflate?.key !== this.deflate?.key) return false;
    if (member.windowEnd !== this.windowEnd || this.size === MAX_COHORT_SIZE) return false;
    member.place = this.#members.push(member) - 1;
    this.#sockets.push(member.socket);
    this.#slack = Math.max(this.#slack, member.socket.writableHighWaterMark);
    return true;
  }

  /** All members leave. */
  dissolve(): void {
    for (let last = this.#members.at(-1); last !== undefined; last = this.#members.at(-1)) last.part();
  }

  /** Removes a member, which copies `run` and `windowEnd` for itself. */
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
    // From the end: a member that is blocked leaves, and the last one moves to its place.
    for (let at = this.#sockets.length - 1; at >= 0; at--) {
      const socket = this.#sockets[at] as FrameOutput;
      if (socket.writableLength > 0) {
        this.#members[at]?.writeBehind(bytes);
        continue;
      }
      socket.write(bytes);
      mayBeBlocked ||= socket.writableNeedDrain;
    }
    // After a long write `writableNeedDrain` stays true until the ticks of this turn are over, also when the kernel took everything.
    if (mayBeBlocked) process.nextTick(this.#partBlocked);
    return run;
  }

  readonly #partBlocked = (): void => {
    // From the end: a member that is blocked leaves, and the last one moves to its place.
    for (let at = this.#sockets.length - 1; at >= 0; at--) if (this.#sockets[at]?.writableNeedDrain === true) this.#members[at]?.block();
  };
}
