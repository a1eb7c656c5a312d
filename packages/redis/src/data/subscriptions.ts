import type { BrokerData, HistoryBounds } from "@upwire/cluster/broker";
import { SenderTops, type PublicationsEnvelope, type TopsEnvelope } from "@upwire/cluster/envelope";
import type { Position } from "@upwire/protocol";
import { Audit } from "./audit.ts";
import type { HistoryCalls, LookAnswer } from "./calls.ts";
import { Channels } from "./channels.ts";
import type { DataContext } from "./context.ts";
import { failed } from "./failures.ts";
import { Positions, type Asking } from "./positions.ts";
import type { Seen } from "./seen.ts";
import { Subscription } from "./subscription.ts";
import { withResolvers, type Resolvers } from "./with-resolvers.ts";

/** Subscribes of one turn: their channels are acknowledged together. */
interface Turn {
  readonly acknowledged: Promise<void>;
  /** Those without history have one promise. */
  readonly plain: Subscription[];
  readonly result: Resolvers<undefined>;
  readonly kept: Asking[];
}

/** What this node listens to: subscriptions, what comes on their channels, and what is missing. */
export class Subscriptions {
  readonly #context: DataContext;
  readonly #seenOf: (topic: string) => Seen;
  readonly #channels: Channels;
  readonly #byTopic = new Map<string, Subscription>();
  readonly #byChannel = new Map<string, Subscription>();
  readonly #tops: SenderTops;
  readonly #positions: Positions;
  /** Those whose channels are not acknowledged yet. */
  readonly #turns = new Set<Turn>();
  #newest: Turn | undefined;
  readonly #audit = new Audit();

  constructor(context: DataContext, calls: HistoryCalls, seenOf: (topic: string) => Seen) {
    this.#context = context;
    this.#seenOf = seenOf;
    this.#channels = new Channels(context.driver);
    this.#positions = new Positions(context, calls, (subscription, answer) => this.#known(subscription, answer));
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
    const subscription = this.#subscriptionOf(topic);
    if (bounds !== undefined) subscription.bounds = bounds;
    const turn = this.#turnOf(this.#channels.add(subscription.channel));
    const result = subscription.bounds === undefined ? waitPlain(turn, subscription) : waitKept(turn, subscription);
    if (this.#context.driver.state() === "down") this.#isAway(turn);
    return result;
  }

  #subscriptionOf(topic: string): Subscription {
    const known = this.#byTopic.get(topic);
    if (known !== undefined) return known;
    const { names, clock } = this.#context;
    const subscription = new Subscription({ topic, channel: names.channel(topic), seenOf: this.#seenOf, now: clock.now() });
    this.#byTopic.set(topic, subscription);
    this.#byChannel.set(subscription.channel, subscription);
    return subscription;
  }

  #turnOf(acknowledged: Promise<void>): Turn {
    if (this.#newest?.acknowledged === acknowledged) return this.#newest;
    const turn: Turn = { acknowledged, plain: [], result: withResolvers(), kept: [] };
    this.#newest = turn;
    this.#turns.add(turn);
    acknowledged.then(
      () => this.#isHeard(turn),
      (error: unknown) => this.#fail(turn, error),
    );
    return turn;
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
    for (const turn of this.#turns) this.#isAway(turn);
  }

  close(): void {
    for (const turn of this.#turns) this.#fail(turn, new Error("this broker has been closed"));
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
    await this.#positions.ask([...this.#byTopic.values()].filter(({ bounds }) => bounds !== undefined));
  }

  /** One step of an audit that comes round every few seconds, to be called each second. Asks at once for what is doubtful. */
  async audit(): Promise<void> {
    await this.#positions.ask(this.#audit.due(this.#byTopic, this.#context.clock.now()));
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
      this.#positions.askSoon({ subscription, resolve: () => {}, reject: () => {} });
    }
    for (const { data, origin, position } of subscription.untold(envelope)) this.#message(subscription.topic, data, origin, position);
  }

  #message(topic: string, data: BrokerData, origin: string | undefined, position: Position | undefined): void {
    this.#context.counts.received++;
    this.#context.sink.message(topic, { data, position, origin });
  }

  #isHeard(turn: Turn): void {
    if (!this.#end(turn)) return;
    for (const subscription of turn.plain) this.#listen(subscription);
    turn.result.resolve(undefined);
    for (const asking of turn.kept) {
      this.#listen(asking.subscription);
      this.#positions.askSoon(asking);
    }
  }

  #isAway(turn: Turn): void {
    if (!this.#end(turn)) return;
    for (const subscription of turn.plain) this.#listen(subscription);
    turn.result.resolve(undefined);
    for (const { reject } of turn.kept) reject(failed("subscribe", new Error("not connected")));
  }

  #fail(turn: Turn, error: unknown): void {
    if (!this.#end(turn)) return;
    const failure = failed("subscribe", error);
    if (turn.plain.length > 0) turn.result.reject(failure);
    for (const { reject } of turn.kept) reject(failure);
  }

  /** @returns whether it still waited. */
  #end(turn: Turn): boolean {
    if (this.#newest === turn) this.#newest = undefined;
    return this.#turns.delete(turn);
  }

  #listen({ topic }: Subscription): void {
    if (this.#byTopic.has(topic)) this.#tops.listen(topic, this.#context.clock.now());
  }

  #known(subscription: Subscription, { epoch, top, run }: LookAnswer): void {
    subscription.seen.answered(epoch, top, run);
    if (subscription.isFresh) subscription.told({ epoch, offset: top });
    this.#tellTop(subscription);
  }

  #tellTop(subscription: Subscription): void {
    // Topics without history do not even have a place to remember a position.
    if (subscription.bounds === undefined || subscription.seen.epoch === "" || !this.#byTopic.has(subscription.topic)) return;
    this.#context.sink.top(subscription.topic, subscription.position);
  }
}

function waitPlain({ plain, result }: Turn, subscription: Subscription): Promise<undefined> {
  plain.push(subscription);
  return result.promise;
}

function waitKept({ kept }: Turn, subscription: Subscription): Promise<Position> {
  const { promise, resolve, reject } = withResolvers<Position>();
  kept.push({ subscription, resolve, reject });
  return promise;
}
