import type { Gap, GapReason, Position, RealtimeError, Since, SubscribedPayload } from "@upwire/protocol";
import type { Clock, Timer } from "../link/clock.ts";
import { Listeners, type Listener } from "./listeners.ts";
import type { AskOptions, Outbox } from "./outbox.ts";

/** Before a subscribe is tried again that failed for the moment. Milliseconds. */
const AGAIN_MS = 2000;

/** Names that no event can have, for listeners to what happens to the subscription. */
const SUBSCRIBED: unique symbol = Symbol();
const GAP: unique symbol = Symbol();
const ENDED: unique symbol = Symbol();

/** How a topic is subscribed. */
export interface TopicOptions {
  /** Where to begin: with the newest `last`, or behind a position that an earlier page kept. */
  readonly since?: Since;
  /** Only listen: the server puts this client into the topic. */
  readonly byServer?: boolean;
}

/** What a topic needs of its client. */
export interface TopicSetup extends TopicOptions {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly report: (error: unknown) => void;
  /** The topics of the client, by name. One that is unsubscribed is in it no more: the next of its name may be a new one. */
  readonly topics: Map<string, TopicSubscription>;
}

/** One topic as this client sees it. What a contract says about it is in `Topic`. */
export class TopicSubscription {
  declare readonly name: string;
  /** Everything up to here has come. */
  declare position: Position | undefined;
  /** The application has it. */
  declare isKept?: true;
  readonly #setup: TopicSetup;
  readonly #listeners: Listeners;
  #isWanted = false;
  /** The server said that it is subscribed, on this connection. */
  #isLive = false;
  /** It was live once: what has come since then and is not brought by the server is missing. */
  #wasLive = false;
  #timer: Timer | undefined;

  constructor(name: string, setup: TopicSetup) {
    this.name = name;
    this.#setup = setup;
    this.#listeners = new Listeners(setup.report);
    this.#isCurrent();
  }

  /** Whether this is the topic of its name; it is from now on, when there is none. */
  #isCurrent(): boolean {
    const { topics } = this.#setup;
    topics.set(this.name, topics.get(this.name) ?? this);
    return topics.get(this.name) === this;
  }

  on(event: string | symbol, listener: Listener): () => void {
    if (!(this.#setup.byServer || this.#isLive || this.#isWanted) && this.#isCurrent()) {
      this.#isWanted = true;
      this.subscribe();
    }
    return this.#listeners.on(event, listener);
  }

  onSubscribed(listener: Listener): () => void {
    return this.on(SUBSCRIBED, listener);
  }

  onGap(listener: Listener): () => void {
    return this.on(GAP, listener);
  }

  onEnded(listener: Listener): () => void {
    return this.on(ENDED, listener);
  }

  publish(event: string, payload: unknown, options?: AskOptions): Promise<{ offset?: number }> {
    return this.#setup.outbox.ask({ type: event, topic: this.name }, payload, options);
  }

  unsubscribe(): void {
    // What was unsubscribed before does not end the one that came after it.
    if (!this.#isCurrent()) return;
    this.cut();
    this.#isWanted = false;
    this.#listeners.clear();
    this.#setup.topics.delete(this.name);
    // An error would tell that there was nothing to end, which is what was wanted.
    this.#setup.outbox.control({ type: "upwire.unsubscribe", topic: this.name });
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  /** At each new connection, and when the application begins to listen. */
  subscribe(): void {
    if (!this.#isWanted) return;
    this.#setup.outbox.control({ type: "upwire.subscribe", topic: this.name, since: this.position ?? this.#setup.since }, (error, reply) => {
      if (!this.#isWanted) return;
      if (error) this.ended(error as RealtimeError);
      else this.subscribed(reply as SubscribedPayload);
    });
  }

  /** It is not subscribed any more. One that only the server wanted is forgotten. */
  cut(): void {
    this.#isLive = false;
    this.#timer?.cancel();
    if (!this.isKept) this.#setup.topics.delete(this.name);
  }

  /** It is subscribed, by itself or by the server. */
  subscribed({ epoch, offset = 0, after = 0, resumed, state }: SubscribedPayload): void {
    const isHole = this.#wasLive && !resumed;
    this.#isLive = this.#wasLive = true;
    this.#listeners.emit(SUBSCRIBED, { resumed, missed: offset - after });
    this.#move(epoch, after, isHole && (this.position?.epoch === epoch ? "lost" : "restarted"), state);
  }

  deliver(type: string, payload: unknown, offset: number | undefined): void {
    if (!this.#isLive) return;
    if (offset !== undefined) {
      // One that came before is a repetition; one further on will be repeated in its turn, or a gap will be told.
      if (offset - 1 !== this.position?.offset) return;
      this.position = { ...this.position, offset };
    }
    this.#listeners.emit(type, payload);
  }

  gap({ epoch, offset = 0, reason, state }: Gap["payload"]): void {
    if (this.#isLive) this.#move(epoch, offset, reason, state);
  }

  #move(epoch: string | undefined, offset: number, gap: GapReason | false, state: unknown): void {
    const before = this.position;
    this.position = epoch === undefined ? undefined : { epoch, offset };
    if (gap) this.#listeners.emit(GAP, { reason: gap, missed: before && before.epoch === epoch ? offset - before.offset : undefined });
    if (state !== undefined) this.#listeners.emit("state", state);
  }

  /** The server refused it, or took this client out. */
  ended(error: RealtimeError | undefined): void {
    // A later subscribe took the place of this one, and is answered itself.
    if (error?.code === "replaced") return;
    this.cut();
    if (error?.retryable) this.#timer = this.#setup.clock.after(AGAIN_MS, () => this.subscribe());
    if (!this.#listeners.emit(ENDED, error) && error) this.#setup.report(error);
  }
}
