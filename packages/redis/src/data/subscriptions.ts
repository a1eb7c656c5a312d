import { checkBounds, type BrokerData, type HistoryBounds } from "@upwire/cluster/broker";
import { SenderTops, type PublicationsEnvelope, type TopsEnvelope } from "@upwire/cluster/envelope";
import type { Position } from "@upwire/protocol";
import { Audit } from "./audit.ts";
import { readLook, type HistoryCalls } from "./calls.ts";
import { Channels } from "./channels.ts";
import type { DataContext } from "./context.ts";
import { failed, odd } from "./failures.ts";
import type { Seen } from "./seen.ts";
import { Subscription } from "./subscription.ts";
import { withResolvers } from "./with-resolvers.ts";

/** Positions that are asked for in one round trip. */
const LOOKS = 500;
/** A subscription that has history has bounds. */
const NO_BOUNDS: HistoryBounds = { messages: 0, bytes: 0, ageMs: 1 };

/** Those without history that are subscribed in one turn wait together; one with history waits alone. */
interface Waiting {
  readonly acknowledged: Promise<void>;
  readonly subscriptions: Subscription[];
  readonly isKept: boolean;
  readonly result: Promise<Position | undefined>;
  readonly resolve: (position: Position | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** One whose position is asked for. */
interface Looking {
  readonly subscription: Subscription;
  readonly resolve: (position: Position | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** What this node listens to: subscriptions, what comes on their channels, and what is missing. */
export class Subscriptions {
  readonly #context: DataContext;
  readonly #calls: HistoryCalls;
  readonly #seenOf: (topic: string) => Seen;
  readonly #channels: Channels;
  readonly #byTopic = new Map<string, Subscription>();
  readonly #byChannel = new Map<string, Subscription>();
  readonly #tops: SenderTops;
  /** Subscribes whose channel or position has not come yet. */
  readonly #waiting = new Set<Waiting>();
  /** The newest without history. */
  #together: Waiting | undefined;
  #looking: Looking[] = [];
  readonly #audit = new Audit();

  constructor(context: DataContext, calls: HistoryCalls, seenOf: (topic: string) => Seen) {
    this.#context = context;
    this.#calls = calls;
    this.#seenOf = seenOf;
    this.#channels = new Channels(context.driver);
    this.#tops = new SenderTops((topic) => {
      context.counts.lost++;
      context.sink.gap(topic);
    });
  }

  get size(): number {
    return this.#byTopic.size;
  }

  has(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  /** Topics without history work on this node while Redis is away; those with history cannot. */
  subscribe(topic: string, bounds: HistoryBounds | undefined): Promise<Position | undefined> {
    if (bounds !== undefined) checkBounds(bounds);
    const { driver, names, clock } = this.#context;
    let subscription = this.#byTopic.get(topic);
    if (subscription === undefined) {
      subscription = new Subscription({ topic, channel: names.channel(topic), seenOf: this.#seenOf, now: clock.now() });
      this.#byTopic.set(topic, subscription);
      this.#byChannel.set(subscription.channel, subscription);
    }
    if (bounds !== undefined) subscription.bounds = bounds;
    const acknowledged = this.#channels.add(subscription.channel);
    const waiting = this.#waitingFor(subscription, acknowledged);
    if (driver.state() === "down") this.#isAway(waiting);
    return waiting.result;
  }

  #waitingFor(subscription: Subscription, acknowledged: Promise<void>): Waiting {
    const isKept = subscription.bounds !== undefined;
    const together = this.#together;
    if (!isKept && together?.acknowledged === acknowledged) {
      together.subscriptions.push(subscription);
      return together;
    }
    const { promise: result, resolve, reject } = withResolvers<Position | undefined>();
    const waiting: Waiting = { acknowledged, subscriptions: [subscription], isKept, result, resolve, reject };
    this.#waiting.add(waiting);
    if (!isKept) this.#together = waiting;
    acknowledged.then(this.#isHeard.bind(this, waiting), this.#reject.bind(this, waiting));
    return waiting;
  }

  async unsubscribe(topic: string): Promise<void> {
    const subscription = this.#byTopic.get(topic);
    if (subscription === undefined) return;
    this.#byTopic.delete(topic);
    this.#byChannel.delete(subscription.channel);
    this.#tops.unlisten(topic);
    await this.#channels.drop(subscription.channel);
  }

  /** Nothing that waits for Redis will come now. */
  down(): void {
    for (const waiting of this.#waiting) this.#isAway(waiting);
  }

  close(): void {
    for (const waiting of this.#waiting) this.#reject(waiting, new Error("this broker has been closed"));
    this.#byTopic.clear();
    this.#byChannel.clear();
  }

  /** @returns whether `channel` is one of a topic that is subscribed. */
  hears(channel: string): boolean {
    return this.#byChannel.has(channel);
  }

  publications(channel: string, envelope: PublicationsEnvelope): void {
    const subscription = this.#byChannel.get(channel);
    if (subscription === undefined) return;
    if (envelope.position === undefined) this.#plain(subscription, envelope);
    else this.#kept(subscription, envelope, envelope.position);
  }

  tops(channel: string, { node, tops }: TopsEnvelope): void {
    const topic = this.#byChannel.get(channel)?.topic;
    if (topic === undefined || node === this.#context.node) return;
    // The channel says which topic it is, whatever the entry says.
    for (const { number, ageMs } of tops) this.#tops.shown(node, { topic, number, ageMs }, this.#context.clock.now());
  }

  /** What this node has published itself without history: it comes before the engine has it. */
  own(topic: string, data: BrokerData, origin: string | undefined): void {
    if (this.#byTopic.has(topic)) this.#message(topic, data, origin, undefined);
  }

  /**
   * What this node has published itself with history, once it has its positions. Where something before it is still on its way, it
   * comes on the channel behind that.
   */
  ownKept(topic: string, { epoch, offset }: Position, items: readonly { readonly data: BrokerData; readonly origin: string | undefined }[]): void {
    const subscription = this.#byTopic.get(topic);
    if (subscription === undefined || !subscription.isNext({ epoch, offset })) return;
    subscription.told({ epoch, offset: offset + items.length - 1 });
    for (const [at, { data, origin }] of items.entries()) this.#message(topic, data, origin, { epoch, offset: offset + at });
  }

  /** How many other nodes got what `receivers` connections got. */
  others(topic: string, receivers: number): number {
    return Math.max(0, receivers - (this.#byTopic.has(topic) ? 1 : 0));
  }

  /** This node heard everything up to the moment `since`, and nothing until now. */
  cut(since: number): void {
    this.#tops.cut(since);
  }

  forgetSender(node: string): void {
    this.#tops.forget(node);
  }

  loseAll(): void {
    this.#tops.loseAll();
  }

  /** Tells the newest known position of every topic with history. */
  tellTops(): void {
    for (const subscription of this.#byTopic.values()) this.#tellTop(subscription);
  }

  /** Asks for the position of every topic with history, and tells it. Fulfils when all have answered, or failed. */
  async lookAtAll(): Promise<void> {
    const kept = [...this.#byTopic.values()].filter(({ bounds }) => bounds !== undefined);
    for (let from = 0; from < kept.length; from += LOOKS) await this.#lookAt(kept.slice(from, from + LOOKS));
  }

  /** One step of an audit that comes round every few seconds, to be called each second. Asks at once for what is doubtful. */
  async audit(): Promise<void> {
    const due = this.#audit.due(this.#byTopic, this.#context.clock.now());
    for (let from = 0; from < due.length; from += LOOKS) await this.#lookAt(due.slice(from, from + LOOKS));
  }

  #plain({ topic }: Subscription, { node, first, earlierMs, items, skipped = 0 }: PublicationsEnvelope): void {
    if (first === undefined || node === this.#context.node) return;
    const come = this.#tops.came(topic, node, { first, earlierMs }, items.length + skipped, this.#context.clock.now());
    for (const { data, origin } of come === 0 ? items : items.slice(come)) this.#message(topic, data, origin, undefined);
  }

  #kept(subscription: Subscription, envelope: PublicationsEnvelope, { epoch, offset }: Position): void {
    const { seen } = subscription;
    const isNew = seen.heard(epoch, offset + envelope.items.length - 1, envelope.run ?? "");
    if (isNew && seen.epoch !== "" && !subscription.isDoubtful) {
      subscription.isDoubtful = true;
      this.#lookSoon({ subscription, resolve: () => {}, reject: () => {} });
    }
    for (const { data, origin, position } of subscription.untold(envelope)) this.#message(subscription.topic, data, origin, position);
  }

  #message(topic: string, data: BrokerData, origin: string | undefined, position: Position | undefined): void {
    this.#context.counts.received++;
    this.#context.sink.message(topic, { data, position, origin });
  }

  #isHeard(waiting: Waiting): void {
    if (!this.#waiting.has(waiting)) return;
    const { subscriptions, isKept } = waiting;
    for (const subscription of subscriptions) {
      this.#listen(subscription);
      if (isKept) this.#lookSoon({ subscription, resolve: (position) => this.#resolve(waiting, position), reject: (error) => this.#reject(waiting, error) });
    }
    if (!isKept) this.#resolve(waiting, undefined);
  }

  #isAway(waiting: Waiting): void {
    if (waiting.isKept) return this.#reject(waiting, new Error("not connected"));
    for (const subscription of waiting.subscriptions) this.#listen(subscription);
    this.#resolve(waiting, undefined);
  }

  #listen({ topic }: Subscription): void {
    if (this.#byTopic.has(topic)) this.#tops.listen(topic, this.#context.clock.now());
  }

  #resolve(waiting: Waiting, position: Position | undefined): void {
    if (this.#end(waiting)) waiting.resolve(position);
  }

  #reject(waiting: Waiting, error: unknown): void {
    if (this.#end(waiting)) waiting.reject(failed("subscribe", error));
  }

  /** @returns whether it still waited. */
  #end(waiting: Waiting): boolean {
    if (this.#together === waiting) this.#together = undefined;
    return this.#waiting.delete(waiting);
  }

  /** All positions that are asked for in one turn are one round trip. */
  #lookSoon(one: Looking): void {
    this.#looking.push(one);
    if (this.#looking.length > 1) return;
    setImmediate(() => {
      const looking = this.#looking;
      this.#looking = [];
      for (let from = 0; from < looking.length; from += LOOKS) void this.#answer(looking.slice(from, from + LOOKS));
    });
  }

  async #answer(looking: readonly Looking[]): Promise<void> {
    const errors = await this.#lookAt(looking.map(({ subscription }) => subscription));
    for (const [at, { subscription, resolve, reject }] of looking.entries()) {
      const error = errors[at];
      if (error === undefined) resolve(subscription.position);
      else reject(error);
    }
  }

  /** @returns for each why it failed, if it did. */
  async #lookAt(subscriptions: readonly Subscription[]): Promise<(Error | undefined)[]> {
    const now = this.#context.clock.now();
    const calls = subscriptions.map(({ topic, seen, bounds }) => this.#calls.look(topic, seen, bounds ?? NO_BOUNDS));
    for (const subscription of subscriptions) subscription.askedAt = now;
    const replies = await this.#context.driver.many(calls);
    return subscriptions.map((subscription, at) => {
      const reply = replies[at];
      if (reply === undefined || reply instanceof Error) {
        // The next audit asks again.
        subscription.isDoubtful = true;
        return reply ?? new Error("no answer");
      }
      let look;
      try {
        look = readLook(reply);
      } catch (error) {
        subscription.isDoubtful = true;
        return odd(error);
      }
      const { epoch, top, run } = look;
      subscription.seen.answered(epoch, top, run);
      subscription.isDoubtful = false;
      if (subscription.isFresh) subscription.told({ epoch, offset: top });
      this.#tellTop(subscription);
      return undefined;
    });
  }

  #tellTop({ topic, bounds, seen, position }: Subscription): void {
    if (bounds !== undefined && seen.epoch !== "" && this.#byTopic.has(topic)) this.#context.sink.top(topic, position);
  }
}
