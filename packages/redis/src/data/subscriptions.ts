import type { BrokerData, HistoryBounds } from "@upwire/cluster/broker";
import { SenderTops, type PublicationsEnvelope, type TopsEnvelope } from "@upwire/cluster/envelope";
import type { Position } from "@upwire/protocol";
import { Audit } from "./audit.ts";
import type { HistoryCalls, LookAnswer } from "./calls.ts";
import { Channels } from "./channels.ts";
import type { DataContext } from "./context.ts";
import { failed } from "./failures.ts";
import { Positions } from "./positions.ts";
import type { Seen } from "./seen.ts";
import { Subscription } from "./subscription.ts";

/** What this node listens to: subscriptions, what comes on their channels, and what is missing. */
export class Subscriptions {
  readonly #context: DataContext;
  readonly #seenOf: (topic: string) => Seen;
  readonly #channels: Channels;
  readonly #byTopic = new Map<string, Subscription>();
  readonly #byChannel = new Map<string, Subscription>();
  /** Those with history. */
  readonly #kept = new Set<Subscription>();
  readonly #tops: SenderTops;
  readonly #positions: Positions;
  readonly #audit = new Audit();

  constructor(context: DataContext, calls: HistoryCalls, seenOf: (topic: string) => Seen) {
    this.#context = context;
    this.#seenOf = seenOf;
    this.#channels = new Channels(context.driver, context.clock);
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
    const { driver, clock } = this.#context;
    const subscription = this.#byTopic.get(topic) ?? this.#add(topic);
    if (subscription.turn.isRefused) subscription.turn = this.#channels.add(subscription.channel);
    if (bounds !== undefined) {
      subscription.keep(bounds, clock.now());
      this.#kept.add(subscription);
    }
    // Not async without history: many topics of one turn have the same promise.
    const result = subscription.bounds === undefined ? subscription.turn.settled : this.#position(subscription);
    if (driver.state() === "down") subscription.turn.isAway(clock.now());
    return result;
  }

  #add(topic: string): Subscription {
    const channel = this.#context.names.channel(topic);
    const turn = this.#channels.add(channel);
    const subscription = new Subscription({ topic, channel, turn, seenOf: this.#seenOf });
    this.#byTopic.set(topic, subscription);
    this.#byChannel.set(channel, subscription);
    // It was given up in this turn, and what came until then is forgotten.
    if (turn.heardSince !== undefined) this.#tops.listen(topic, this.#context.clock.now());
    return subscription;
  }

  /** Not async: of many topics, each would wait twice. */
  #position(subscription: Subscription): Promise<Position> {
    return this.#positions.askAfter(subscription.turn, subscription).then((failures) => {
      const error = failures.get(subscription);
      if (error !== undefined) throw failed("subscribe", error);
      return subscription.position;
    });
  }

  async unsubscribe(topic: string): Promise<void> {
    const subscription = this.#byTopic.get(topic);
    if (subscription === undefined) return;
    this.#byTopic.delete(topic);
    this.#byChannel.delete(subscription.channel);
    this.#kept.delete(subscription);
    this.#tops.unlisten(topic);
    await this.#channels.drop(subscription.channel, subscription.turn);
  }

  /** Nothing that waits for Redis will come now. */
  down(): void {
    this.#channels.down();
  }

  close(): void {
    this.#channels.close();
    this.#byTopic.clear();
    this.#byChannel.clear();
    this.#kept.clear();
  }

  /** @returns whether `channel` is one of a topic that is subscribed. */
  hears(channel: string): boolean {
    return this.#byChannel.has(channel);
  }

  publications(channel: string, envelope: PublicationsEnvelope): void {
    const subscription = this.#byChannel.get(channel);
    if (subscription === undefined) return;
    if (envelope.position === undefined) this.#plain(subscription, envelope);
    else this.#published(subscription, envelope, envelope.position);
  }

  tops(channel: string, { node, tops }: TopsEnvelope): void {
    const subscription = this.#byChannel.get(channel);
    if (subscription === undefined || node === this.#context.node || !this.#listens(subscription)) return;
    const { topic } = subscription;
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
    for (const subscription of this.#byTopic.values()) this.#listens(subscription);
    this.#tops.loseAll();
  }

  /** Tells the newest known position of every topic with history. */
  tellTops(): void {
    for (const subscription of this.#kept) this.#tellTop(subscription);
  }

  /** Asks for the position of every topic with history, and tells it. Fulfils when all have answered, or failed. */
  async lookAtAll(): Promise<void> {
    await this.#positions.ask([...this.#kept]);
  }

  /** One step of an audit that comes round every few seconds, to be called each second. Asks at once for what is doubtful. */
  async audit(): Promise<void> {
    await this.#positions.ask(this.#audit.due(this.#kept, this.#context.clock.now()));
  }

  #plain(subscription: Subscription, { node, first, earlierMs, items, skipped = 0 }: PublicationsEnvelope): void {
    if (first === undefined || node === this.#context.node || !this.#listens(subscription)) return;
    const { topic } = subscription;
    const come = this.#tops.came(topic, node, { first, earlierMs }, items.length + skipped, this.#context.clock.now());
    for (const { data, origin } of come === 0 ? items : items.slice(come)) this.#message(topic, data, origin, undefined);
  }

  #published(subscription: Subscription, envelope: PublicationsEnvelope, { epoch, offset }: Position): void {
    const { seen } = subscription;
    const isNew = seen.heard(epoch, offset + envelope.items.length - 1, envelope.run ?? "");
    if (isNew && seen.epoch !== "" && !subscription.isDoubtful) {
      subscription.isDoubtful = true;
      void this.#positions.askSoon([subscription]);
    }
    for (const { data, origin, position } of subscription.untold(envelope)) this.#message(subscription.topic, data, origin, position);
  }

  #message(topic: string, data: BrokerData, origin: string | undefined, position: Position | undefined): void {
    this.#context.counts.received++;
    this.#context.sink.message(topic, { data, position, origin });
  }

  /**
   * Most topics of many are silent: what came last is not kept of a topic before something has come.
   * @returns whether its channel is subscribed already.
   */
  #listens({ topic, turn: { heardSince } }: Subscription): boolean {
    if (heardSince === undefined) return false;
    this.#tops.listen(topic, heardSince);
    return true;
  }

  #known(subscription: Subscription, { epoch, top, run }: LookAnswer): void {
    subscription.seen.answered(epoch, top, run);
    if (subscription.isFresh) subscription.told({ epoch, offset: top });
    this.#tellTop(subscription);
  }

  #tellTop(subscription: Subscription): void {
    if (subscription.seen.epoch !== "" && this.#kept.has(subscription)) this.#context.sink.top(subscription.topic, subscription.position);
  }
}
