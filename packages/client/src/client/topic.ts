import { fromWireError, RealtimeError, type Gap, type Position, type Since, type SubscribedPayload, type WireError } from "@upwire/protocol";
import type { Clock, Timer } from "../link/clock.ts";
import { Listeners, type Listener } from "./listeners.ts";
import type { AskOptions, Outbox } from "./outbox.ts";

/** Before a subscribe is tried again that failed for the moment. Milliseconds, up to twice as long by chance. */
const AGAIN_MS = 2000;

/** Names that no event can have, for listeners to what happens to the subscription. */
const SUBSCRIBED = "upwire.subscribed";
const GAP = "upwire.gap";
const ENDED = "upwire.ended";

interface TopicSetup {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: (error: unknown) => void;
  /** It is unsubscribed: the next of this name is a new one. */
  readonly forget: () => void;
  readonly since: Since | undefined;
  /** Only listen: the server puts this client into the topic. */
  readonly isByServer: boolean;
}

/** One topic as this client sees it. What a contract says about it is in `Topic`. */
export class TopicSubscription {
  readonly name: string;
  /** Everything up to here has come. */
  position: Position | undefined;
  readonly #setup: TopicSetup;
  readonly #listeners: Listeners;
  #isWanted = false;
  /** The server said that it is subscribed, on this connection. */
  #isLive = false;
  /** It was live before, so that what it does not get from the server is missing. */
  #wasLive = false;
  #timer: Timer | undefined;

  constructor(name: string, setup: TopicSetup) {
    this.name = name;
    this.#setup = setup;
    this.#listeners = new Listeners(setup.report);
  }

  on(event: string, listener: Listener): () => void {
    if (!this.#isWanted && !this.#isLive && !this.#setup.isByServer) {
      this.#isWanted = true;
      this.subscribe();
    }
    return this.#listeners.add(event, listener);
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
    const { outbox, forget } = this.#setup;
    this.cut();
    // The error would tell that there was nothing to end, which is what was wanted.
    if (this.#isWanted || this.#wasLive) outbox.control({ type: "upwire.unsubscribe", topic: this.name }, () => {});
    this.#isWanted = this.#wasLive = false;
    this.#listeners.clear();
    forget();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  /** At each new connection, and when the application begins to listen. */
  subscribe(): void {
    if (!this.#isWanted) return;
    const { outbox, since } = this.#setup;
    outbox.control({ type: "upwire.subscribe", topic: this.name, since: this.position ?? since }, (error, reply) => {
      if (!this.#isWanted) return;
      if (error instanceof RealtimeError) this.#refused(error);
      else this.accept(reply as SubscribedPayload);
    });
  }

  /** The connection is gone. */
  cut(): void {
    this.#isLive = false;
    this.#timer?.cancel();
  }

  /** It is subscribed, by itself or by the server. */
  accept({ epoch, offset = 0, after = 0, resumed, state }: SubscribedPayload): void {
    const before = this.position;
    const isHole = this.#wasLive && !resumed;
    this.#isLive = this.#wasLive = true;
    this.position = epoch === undefined ? undefined : { epoch, offset: after };
    this.#listeners.emit(SUBSCRIBED, { resumed, missed: offset - after });
    if (isHole) {
      const isSame = before?.epoch === epoch;
      this.#listeners.emit(GAP, { reason: isSame ? "lost" : "restarted", missed: isSame && before ? after - before.offset : undefined });
    }
    this.#tellState(state);
  }

  deliver(type: string, payload: unknown, offset: number | undefined): void {
    if (!this.#isLive) return;
    if (offset !== undefined) {
      // One that came before is a repetition; one further on will be repeated in its turn, or a gap will be told.
      if (!this.position || offset !== this.position.offset + 1) return;
      this.position = { epoch: this.position.epoch, offset };
    }
    this.#listeners.emit(type, payload);
  }

  gap({ after, epoch, offset, reason, state }: Gap["payload"]): void {
    if (!this.#isLive) return;
    const isSame = this.position?.epoch === epoch;
    if (epoch !== undefined && offset !== undefined) this.position = { epoch, offset };
    this.#listeners.emit(GAP, { reason, missed: isSame && offset !== undefined && after !== undefined ? offset - after : undefined });
    this.#tellState(state);
  }

  /** The server took this client out. */
  removed(error: WireError | undefined): void {
    this.#refused(error && fromWireError(error));
  }

  #refused(error: RealtimeError | undefined): void {
    // A later subscribe took the place of this one, and is answered itself.
    if (error?.code === "replaced") return;
    this.cut();
    if (error?.retryable) this.#timer = this.#setup.clock.after(AGAIN_MS * (1 + this.#setup.random()), () => this.subscribe());
    if (!this.#listeners.emit(ENDED, error) && error) this.#setup.report(error);
  }

  #tellState(state: unknown): void {
    if (state !== undefined) this.#listeners.emit("state", state);
  }
}
