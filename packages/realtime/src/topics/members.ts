import { createAudience, type Audience, type Connection, type PreparedMessage } from "@upwire/core";
import { CatchUp } from "./catch-up.ts";
import { LossNotices } from "./loss-notices.ts";
import type { Publication } from "./publication.ts";
import type { Subscription } from "./subscription.ts";
import type { TopicSetup } from "./setup.ts";

const PLAIN = "plain";
const PLAIN_FORMAT = { format: PLAIN };

/** The subscriptions of one topic. The live ones are the members of one audience. */
export class Members {
  readonly #setup: TopicSetup;
  readonly #audience: Audience = createAudience();
  readonly #all = new Map<Connection, Subscription>();
  #notices: LossNotices | undefined;
  readonly #allAreLive: () => void;
  /** How many speak no protocol. */
  #plain = 0;
  /** How many are not live. */
  #waiting = 0;
  /** The publication that is being sent to the audience. */
  #sending: Publication | undefined;

  /** @param allAreLive Is called when the last one that was behind is up to date, or gone. */
  constructor(setup: TopicSetup, allAreLive: () => void) {
    this.#setup = setup;
    this.#allAreLive = allAreLive;
  }

  get size(): number {
    return this.#all.size;
  }

  get(connection: Connection): Subscription | undefined {
    return this.#all.get(connection);
  }

  all(): Subscription[] {
    return [...this.#all.values()];
  }

  connections(): Connection[] {
    return [...this.#all.keys()];
  }

  /** The subscriptions that are being answered, or are behind. */
  waiting(): Subscription[] {
    return [...this.#all.values()].filter(({ phase }) => phase !== undefined);
  }

  /** Takes one that is not live yet. There MUST be no other of the same connection. */
  add(subscription: Subscription): void {
    this.#all.set(subscription.connection, subscription);
    this.#waiting++;
    if (subscription.isPlain) this.#plain++;
  }

  /** @returns whether it was in it. */
  delete(subscription: Subscription): boolean {
    const { connection, phase, isPlain } = subscription;
    if (this.#all.get(connection) !== subscription) return false;
    this.#all.delete(connection);
    if (isPlain) this.#plain--;
    subscription.phase = undefined;
    if (phase === undefined) {
      this.#audience.delete(connection);
    } else {
      phase.stop();
      this.#isLive();
    }
    return true;
  }

  /** It is up to date: from now on it is sent what all are sent. */
  join(subscription: Subscription): void {
    subscription.phase = undefined;
    this.#isLive();
    this.#audience.add(subscription.connection, subscription.isPlain ? PLAIN_FORMAT : undefined);
  }

  /** It did not get what follows `position`, and goes on there once its socket takes data. */
  lag(subscription: Subscription, position: number): void {
    this.#audience.delete(subscription.connection);
    this.#setup.stats.lagged++;
    this.#waiting++;
    const catchUp = new CatchUp(this.#setup, subscription, { position, isSettled: false });
    subscription.phase = catchUp;
    catchUp.runAfterDrain();
  }

  /** The same for all that are live. */
  lagAll(position: number): void {
    for (const subscription of this.#all.values()) if (subscription.phase === undefined) this.lag(subscription, position);
  }

  /** To all that are live. */
  send(publication: Publication): void {
    if (this.#audience.size === 0) return;
    const before = this.#sending;
    this.#sending = publication;
    const except = publication.restriction?.except;
    const options = publication.options();
    const byFormat = (format: string): PreparedMessage => (format === PLAIN ? publication.plain() : publication.v1());
    this.#audience.broadcast(this.#plain === 0 ? publication.v1() : byFormat, except === undefined ? options : { ...options, except });
    this.#sending = before;
  }

  #isLive(): void {
    if (--this.#waiting === 0) this.#allAreLive();
  }

  /** What a queue refused, at once, or took back later. */
  missed(connection: Connection, publication: Publication): void {
    const subscription = this.#all.get(connection);
    // What a connection that is closing misses, the client gets when it comes back.
    if (subscription === undefined || !connection.isOpen || !subscription.concerns(publication)) return;
    const position = publication.offset - 1;
    // What was refused is the last that it was sent. What was taken back is not: who has no offsets would get the later ones twice.
    const canGoBack = subscription.hasPosition || this.#sending === publication;
    if (subscription.phase !== undefined) subscription.phase.back(position);
    else if (canGoBack) this.lag(subscription, position);
    else if (!subscription.isPlain && !publication.isSuperseded) (this.#notices ??= new LossNotices(this.#setup)).owe(subscription);
  }
}
