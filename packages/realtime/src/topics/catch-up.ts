import type { Timer } from "@upwire/core/adapter";
import type { GapReason, RealtimeError } from "@upwire/protocol";
import { gapText } from "./frames.ts";
import type { PageReader } from "./pages.ts";
import type { Publication } from "./publication.ts";
import type { TopicState } from "./state.ts";
import type { Phase, Subscription } from "./subscription.ts";
import type { TopicSetup } from "./setup.ts";

/**
 * While so much waits for the client, it gets one publication for each drain: not none, or other traffic could keep it behind for good.
 * As much as a socket of Node holds until it counts as full.
 */
const PORTION_BYTES = 16 * 1024;
/** Most publications that it gets in one turn. */
const PORTION_MESSAGES = 256;
/** When the socket takes data and the queue is full all the same: a message in front of ours is not complete. */
const PAUSE_MS = 100;

/**
 * A subscription that is behind. Resume, a slow client, state and gaps are all this: it has a position, gets what follows in
 * portions, and joins the audience of the topic in the turn in which it has everything. What cannot be had any more is a gap.
 *
 * A gap says that everything before it has come. So it is told only while it is settled that nothing of the topic can still be taken
 * back: the socket was given everything, and a turn has passed in which core told what had been taken back before.
 */
export class CatchUp implements Phase, PageReader {
  readonly #setup: TopicSetup;
  readonly #subscription: Subscription;
  /** The client was sent everything up to here, as far as is known. */
  #position: number;
  #isSettled: boolean;
  /** It is called again: by a drain, a page, a state, or in a later turn. */
  #isWaiting = false;
  /** The socket has taken everything since the last run. */
  #isDrained = false;
  #hasSent = true;
  /** What was taken back cannot be sent again. */
  #owesGap = false;
  #timer: Timer | undefined;
  #cancelState: (() => void) | undefined;

  constructor(setup: TopicSetup, subscription: Subscription, { position, isSettled }: { readonly position: number; readonly isSettled: boolean }) {
    this.#setup = setup;
    this.#subscription = subscription;
    this.#position = position;
    this.#isSettled = isSettled;
  }

  get #isCurrent(): boolean {
    return this.#subscription.phase === this;
  }

  get position(): number {
    return this.#position;
  }

  back(position: number): void {
    if (!this.#subscription.topic.hasHistory) this.#owesGap = true;
    else if (position < this.#position) this.#position = position;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#cancelState?.();
    this.#subscription.topic.pages.leave(this);
  }

  /** First the socket gets what it has to: then the queue has room, and what was taken back is known. */
  runAfterDrain(): void {
    this.#isWaiting = true;
    const { connection } = this.#subscription;
    void connection.drain().then(() => {
      if (!this.#isCurrent) return;
      this.#isSettled = true;
      this.#isDrained = true;
      if (this.#hasSent) this.#setup.turns.add(this);
      else this.#timer = this.#setup.clock.after(PAUSE_MS, () => this.#setup.turns.add(this));
      this.#hasSent = false;
    });
  }

  /** A reply is queued that this has waited for. */
  wake(): void {
    if (!this.#isWaiting) this.run();
  }

  run(): void {
    if (!this.#isCurrent) return;
    this.#isWaiting = false;
    const subscription = this.#subscription;
    const { topic, connection } = subscription;
    const isDrained = this.#isDrained;
    this.#isDrained = false;
    if (!connection.isOpen) return;
    if (subscription.epoch !== topic.epoch) return this.#gap("restarted", topic.epochStart);
    if (this.#owesGap) return this.#gap("slow", this.#position);
    for (let sent = 0; this.#position < topic.top; sent++) {
      const publication = topic.find(this.#position + 1);
      if (publication === undefined) return this.#lack();
      if (!publication.isOriginKnown && topic.isReplyDue(connection, publication)) return;
      const isFull = connection.bufferedBytes >= PORTION_BYTES && (sent > 0 || !isDrained);
      if (isFull || sent === PORTION_MESSAGES) return this.runAfterDrain();
      if (!this.#send(publication)) return this.#isCurrent ? this.runAfterDrain() : undefined;
    }
    topic.members.join(subscription);
  }

  unreadable(error: RealtimeError): void {
    if (!this.#isCurrent) return;
    const { topic, epoch } = this.#subscription;
    this.#setup.report(error);
    if (epoch === topic.epoch) topic.unreadable(this.#position);
    this.run();
  }

  /** @returns whether to go on. */
  #send(publication: Publication): boolean {
    const { connection, isPlain } = this.#subscription;
    if (publication.isFor(connection)) {
      const message = isPlain ? publication.keptPlain : publication.keptV1;
      if (!connection.send(message, publication.keptOptions) || !this.#isCurrent) return false;
      this.#isSettled = false;
      this.#hasSent = true;
    }
    this.#position = publication.offset;
    return true;
  }

  #lack(): void {
    const { topic } = this.#subscription;
    const gone = topic.goneAfter(this.#position);
    if (gone !== undefined) return this.#gap(gone.reason, gone.to);
    this.#isWaiting = true;
    topic.pages.need(this.#position, this);
  }

  #gap(reason: GapReason, to: number): void {
    if (!this.#isSettled) return this.runAfterDrain();
    this.#owesGap = false;
    const { topic, isPlain } = this.#subscription;
    if (topic.state === undefined || isPlain) return this.#tell(reason, to, undefined);
    const { epoch } = topic;
    this.#isWaiting = true;
    this.#cancelState = topic.state.need(to, (outcome) => {
      if (!this.#isCurrent) return;
      this.#cancelState = undefined;
      // The history began anew meanwhile.
      if (topic.epoch !== epoch) return this.run();
      this.#tell(reason, to, "state" in outcome ? outcome.state : undefined);
    });
  }

  #tell(reason: GapReason, to: number, state: TopicState | undefined): void {
    const subscription = this.#subscription;
    const { topic, connection, isPlain } = subscription;
    const offset = state?.offset ?? to;
    const place = topic.hasHistory ? { after: this.#position, to: { epoch: topic.epoch, offset } } : undefined;
    subscription.place(topic.epoch, offset);
    this.#position = offset;
    if (!isPlain) {
      this.#setup.stats.gaps++;
      connection.send(gapText({ topic: topic.name, reason, place, state: state?.json }), { mustArrive: true });
    }
    this.run();
  }
}
