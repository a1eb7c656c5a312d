import { RealtimeError, type Position, type Since } from "@upwire/protocol";
import { CatchUp } from "./catch-up.ts";
import type { PageReader } from "./pages.ts";
import type { TopicState } from "./state.ts";
import type { Phase, Subscription } from "./subscription.ts";
import type { TopicSetup } from "./setup.ts";

/** What a subscribe is answered with: the payload of the reply, but for `state`, which is text here. */
export interface SubscribeResult {
  /** The newest position; `undefined` for a topic without history. */
  readonly position: Position | undefined;
  /** What follows this offset comes. The client's position becomes `{ epoch, after }`. `undefined` without history. */
  readonly after: number | undefined;
  readonly resumed: boolean;
  /** JSON text. */
  readonly state: string | undefined;
}

export type Answer = (result: SubscribeResult | RealtimeError) => void;

/**
 * A subscription that is not answered yet. It finds out where the subscription can begin: in the turn of the subscribe, when
 * everything is in the cache. A resume is complete or does not happen, so all that it would bring is looked at before.
 */
export class Opening implements Phase, PageReader {
  readonly #setup: TopicSetup;
  readonly #subscription: Subscription;
  readonly #since: Since | undefined;
  readonly #answer: Answer;
  /** Whether the history was asked about a position that this node does not know. */
  #isVerified = false;
  /** What a resume brings so far: the sizes of the publications after `#from`, in `#epoch`. */
  #epoch: string | undefined;
  #from = 0;
  #sizes: number[] = [];
  #bytes = 0;
  #cancelState: (() => void) | undefined;
  /** Where the subscription stands that this one takes the place of, which goes on there if this one fails. */
  #before: number | undefined;

  constructor(setup: TopicSetup, subscription: Subscription, since: Since | undefined, answer: Answer) {
    this.#setup = setup;
    this.#subscription = subscription;
    this.#since = since;
    this.#answer = answer;
  }

  get #isCurrent(): boolean {
    return this.#subscription.phase === this;
  }

  back(position: number): void {
    if (this.#before !== undefined && position < this.#before) this.#before = position;
  }

  wake(): void {}

  /** Takes the place of an earlier subscription of the same connection. */
  replaces(earlier: Subscription, phase: Phase | undefined): void {
    this.#before = phase === undefined ? earlier.topic.top : phase.position;
    if (this.#before !== undefined) this.#subscription.place(earlier.epoch, earlier.floor);
  }

  /** That of the earlier subscription. */
  get position(): number | undefined {
    return this.#before;
  }

  stop(): void {
    this.#cancelState?.();
    this.#subscription.topic.pages.leave(this);
  }

  /** Answers what will be no subscription. It MUST have been stopped. */
  refuse(error: RealtimeError): void {
    this.#tell(error);
  }

  unreadable(error: RealtimeError): void {
    if (!this.#isCurrent) return;
    const position = this.#before;
    const subscription = this.#subscription;
    if (position === undefined) return this.#setup.end(subscription, error);
    this.stop();
    const catchUp = new CatchUp(this.#setup, subscription, { position, isSettled: false });
    subscription.phase = catchUp;
    this.#tell(error);
    if (subscription.isAlive) catchUp.run();
  }

  run(): void {
    if (!this.#isCurrent) return;
    const since = this.#since;
    const { topic } = this.#subscription;
    if (since === undefined || !topic.hasHistory) return this.#beginAnew();
    const { replayMessages } = this.#setup.limits;
    if ("last" in since) return this.#walk(Math.max(0, topic.top - Math.min(since.last, replayMessages)));
    if (since.epoch === topic.epoch && since.offset <= topic.top)
      return topic.top - since.offset > replayMessages ? this.#beginAnew() : this.#walk(since.offset);
    if (this.#isVerified) return this.#beginAnew();
    // Another node may have told the client more than has come here yet.
    this.#isVerified = true;
    topic.verify((error) => {
      if (!this.#isCurrent) return;
      // Thousands may come with an epoch of the time before a restart.
      if (error === undefined) this.#setup.turns.add(this);
      else this.unreadable(error);
    });
  }

  /** Looks at everything after the offset `from`; goes on where it was when it had to wait for a page. */
  #walk(from: number): void {
    const { topic } = this.#subscription;
    const { replayMessages, replayBytes } = this.#setup.limits;
    const now = this.#setup.clock.now();
    const isLast = this.#since !== undefined && "last" in this.#since;
    if (this.#epoch !== topic.epoch) {
      this.#epoch = topic.epoch;
      this.#restart(from);
    }
    for (let next = this.#from + this.#sizes.length + 1; next <= topic.top; next++) {
      const publication = topic.find(next);
      // The cache may have what is too old for the history.
      const gone = publication === undefined ? topic.forgottenAfter(next - 1) : publication.at + topic.ageMs < now ? next : undefined;
      if (gone !== undefined && !isLast) return this.#beginAnew();
      if (gone !== undefined) {
        this.#restart(gone);
        next = gone;
        continue;
      }
      if (publication === undefined) return topic.pages.need(next - 1, this);
      this.#sizes.push(publication.bytes);
      this.#bytes += publication.bytes;
      if (!isLast && (this.#bytes > replayBytes || this.#sizes.length > replayMessages)) return this.#beginAnew();
    }
    if (isLast) this.#keepLast();
    this.#begin(this.#from, this.#epoch, { resumed: true });
  }

  #restart(from: number): void {
    this.#from = from;
    this.#sizes = [];
    this.#bytes = 0;
  }

  /** Of the publications that were looked at, the newest within all bounds. */
  #keepLast(): void {
    const since = this.#since as { readonly last: number };
    const { replayMessages, replayBytes } = this.#setup.limits;
    const most = Math.min(since.last, replayMessages);
    let dropped = 0;
    for (const bytes of this.#sizes) {
      if (this.#sizes.length - dropped <= most && this.#bytes <= replayBytes) break;
      this.#bytes -= bytes;
      dropped++;
    }
    this.#from += dropped;
  }

  #beginAnew(): void {
    const subscription = this.#subscription;
    const { topic } = subscription;
    if (topic.state === undefined || subscription.isPlain) return this.#begin(topic.top, topic.epoch, { resumed: false });
    const { epoch } = topic;
    this.#cancelState = topic.state.need(topic.reachableFrom, (outcome) => {
      this.#cancelState = undefined;
      if (!this.#isCurrent) return;
      // The history began anew meanwhile.
      if (topic.epoch !== epoch) return this.#beginAnew();
      if ("error" in outcome) return this.unreadable(outcome.error);
      this.#begin(outcome.state.offset, epoch, { resumed: false, state: outcome.state });
    });
  }

  #begin(after: number, epoch: string, { resumed, state }: { readonly resumed: boolean; readonly state?: TopicState }): void {
    const subscription = this.#subscription;
    const { topic } = subscription;
    const { stats } = this.#setup;
    if (resumed) stats.resumed++;
    else if (this.#since !== undefined) stats.notResumed++;
    subscription.place(epoch, after);
    const catchUp = new CatchUp(this.#setup, subscription, { position: after, isSettled: true });
    subscription.phase = catchUp;
    const { hasHistory } = topic;
    this.#tell({ position: hasHistory ? { epoch, offset: topic.top } : undefined, after: hasHistory ? after : undefined, resumed, state: state?.json });
    if (subscription.isAlive) catchUp.run();
  }

  #tell(result: SubscribeResult | RealtimeError): void {
    try {
      this.#answer(result);
    } catch (error) {
      this.#setup.report(error);
    }
  }
}
