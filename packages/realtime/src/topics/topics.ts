import type { Broker, BrokerData, BrokerSink, PublishResult } from "@upwire/cluster/broker";
import { createSlot, type Clock, type Connection } from "@upwire/core";
import type { Slot } from "@upwire/core/adapter";
import { RealtimeError, type Since } from "@upwire/protocol";
import { Attachments } from "./attachments.ts";
import { defaultTopicLimits, type TopicLimits } from "./limits.ts";
import { Opening, type Answer } from "./opening.ts";
import type { TopicPublishOptions } from "./publish-options.ts";
import { Publishing } from "./publishing.ts";
import { ReadyBroker } from "./ready-broker.ts";
import { CacheBudget } from "./recent.ts";
import { RepliesDue } from "./replies-due.ts";
import type { TopicConfig, TopicSetup } from "./setup.ts";
import type { TopicStats } from "./stats.ts";
import { Subscription } from "./subscription.ts";
import { Turns } from "./turns.ts";

export interface TopicsSetup {
  readonly broker: Broker;
  readonly clock: Clock;
  /** @default `defaultTopicLimits` */
  readonly limits?: Partial<TopicLimits>;
  readonly stats: TopicStats;
  /**
   * Where the first subscription of each connection is kept. A layer that keeps something for each connection already can keep it
   * there: two slots of one connection take a map of 200 bytes. @default a slot of its own
   */
  readonly first?: Slot<Subscription>;
  /** Gets what the application's functions or the broker fail with. MUST NOT throw. */
  readonly report: (error: unknown) => void;
}

/**
 * The topics of one node: what its connections are subscribed to, and the broker. It knows no permissions, and validates
 * nothing. `closed` MUST be called for each connection that was subscribed to anything.
 */
export class Topics {
  readonly #setup: TopicSetup;
  readonly #broker: ReadyBroker;
  readonly #attachments: Attachments;
  readonly #publishing: Publishing;
  /** The first subscription of each connection; the others hang on it. */
  readonly #first: Slot<Subscription>;
  #isClosed = false;

  /** Starts the broker. */
  constructor({ broker, clock, limits: given, stats, report, first = createSlot() }: TopicsSetup) {
    this.#first = first;
    const limits = { ...defaultTopicLimits, ...given };
    const repliesDue = new RepliesDue();
    const end = (subscription: Subscription, error: RealtimeError): void => this.#end(subscription, () => error);
    this.#broker = new ReadyBroker(broker);
    this.#setup = { clock, broker: this.#broker, limits, turns: new Turns(), stats, budget: new CacheBudget(limits.allCachesBytes), repliesDue, report, end };
    this.#attachments = new Attachments(this.#setup, this.#broker);
    const { brokerTimeoutMs: timeoutMs } = limits;
    this.#publishing = new Publishing({ clock, broker: this.#broker, timeoutMs, repliesDue, report, topic: (name) => this.#attachments.get(name) });
    this.#broker.start(this.#sink, report);
  }

  /** Settles when the broker has started; rejects with why it refuses, which is reported too. To leave it alone is no unhandled rejection. */
  get started(): Promise<void> {
    return this.#broker.started;
  }

  /**
   * Subscribes a connection, in place of a subscription that it may have already.
   * @param since Where the client stands.
   * @param answer Called once, right before the first publication is queued; in this call, when everything is at hand. With
   * `replaced` when another subscribe or an unsubscribe comes first, `cancelled` when the connection ends first, `unavailable` when the
   * broker fails, and with what `state` fails with. Then there is no subscription.
   */
  subscribe(connection: Connection, name: string, config: TopicConfig, since: Since | undefined, answer: Answer): void {
    this.#open(connection, { name, config, since, answer, isPlain: false, isJoined: false });
  }

  /** The same for a client that has not asked. */
  join(connection: Connection, name: string, config: TopicConfig, answer: Answer): void {
    this.#open(connection, { name, config, since: undefined, answer, isPlain: false, isJoined: true });
  }

  /** The same for a client that speaks no protocol: it gets what is published, without offsets, gaps and state. */
  add(connection: Connection, name: string, config: TopicConfig, answer: Answer): void {
    this.#open(connection, { name, config, since: undefined, answer, isPlain: true, isJoined: true });
  }

  /** @returns whether it was subscribed, or about to be. After this call nothing of the topic is queued for it. */
  unsubscribe(connection: Connection, name: string): boolean {
    const subscription = this.#attachments.get(name)?.members.get(connection);
    if (subscription === undefined) return false;
    this.#end(subscription, () => new RealtimeError("replaced", "an unsubscribe of the same topic came before the answer"));
    return true;
  }

  /** Forgets a connection that is over. */
  closed(connection: Connection): void {
    const refusal = (): RealtimeError => new RealtimeError("cancelled", "the connection has ended");
    for (let first = this.#first.get(connection); first !== undefined; first = this.#first.get(connection)) this.#end(first, refusal);
  }

  /** Whether a connection has asked for this topic itself, and is subscribed to it, or about to be. */
  hasAsked(connection: Connection, name: string): boolean {
    return this.#attachments.get(name)?.members.get(connection)?.isJoined === false;
  }

  /** How many topics a connection has asked for itself, and is subscribed to, or about to be. */
  count(connection: Connection): number {
    let count = 0;
    for (let next = this.#first.get(connection); next !== undefined; next = next.next) if (!next.isJoined) count++;
    return count;
  }

  /** How many connections of this node are subscribed to a topic, or about to be. */
  size(name: string): number {
    return this.#attachments.get(name)?.members.size ?? 0;
  }

  /** Those connections, as they are now. */
  members(name: string): Connection[] {
    return this.#attachments.get(name)?.members.connections() ?? [];
  }

  /**
   * Publishes to all members, on all nodes.
   * @param data Text: `{"type":…,"payload":…}`. Bytes: a binary frame whose header has `type`.
   * @returns a promise that rejects with a `RealtimeError`, `unavailable` when the broker fails or does not answer in time; with a
   * `TypeError` for `except` or `conflate` on a topic with history.
   */
  publish(name: string, config: TopicConfig, data: BrokerData, options: TopicPublishOptions): Promise<PublishResult> {
    return this.#publishing.publish(name, config, data, options);
  }

  /** What another process needs to go on from here. Later publishes of topics with history reject. @throws RealtimeError for a broker that has no `save`. */
  save(): Promise<Uint8Array> {
    return this.#broker.save();
  }

  /** Ends all subscriptions without a word to those that are answered, rejects what is being published, and closes the broker. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#publishing.stop();
    for (const topic of this.#attachments.topics()) for (const subscription of topic.members.all()) this.#end(subscription, closedError);
    this.#attachments.stop();
    await this.#broker.close();
  }

  readonly #sink: BrokerSink = {
    message: (name, publication) => {
      if (!this.#publishing.told(name, publication)) this.#attachments.get(name)?.receive(publication);
    },
    top: (name, position) => this.#attachments.get(name)?.topTold(position),
    gap: (name) => this.#attachments.get(name)?.gapTold(),
    state: () => {},
    // Topics need no control plane.
    told: () => {},
    nodes: () => {},
  };

  #open(connection: Connection, { name, config, since, answer, isPlain, isJoined }: SubscribeInit): void {
    const before = this.#attachments.get(name)?.members.get(connection);
    const phase = before?.phase;
    if (before !== undefined) this.#end(before, () => new RealtimeError("replaced", "another subscribe of the same topic came before the answer"));
    if (connection.state !== "open") return answer(new RealtimeError("cancelled", "the connection is closing"));
    if (this.#isClosed) return answer(closedError());
    const topic = this.#attachments.open(name, config);
    const subscription = new Subscription({ connection, topic, isPlain, isJoined });
    const opening = new Opening(this.#setup, subscription, since, answer);
    if (before !== undefined && before.topic === topic && before.isPlain === isPlain) opening.replaces(before, phase);
    subscription.phase = opening;
    topic.members.add(subscription);
    subscription.next = this.#first.get(connection);
    this.#first.set(connection, subscription);
    if (topic.isAttached) opening.run();
  }

  /** @param refusal Asked only for one that is not answered yet: an error takes a while to make, and thousands may end at once. */
  #end(subscription: Subscription, refusal: () => RealtimeError): void {
    const { topic, connection, phase } = subscription;
    if (!topic.members.delete(subscription)) return;
    this.#unlink(subscription, connection);
    this.#attachments.left(topic);
    if (phase instanceof Opening) phase.refuse(refusal());
  }

  #unlink(subscription: Subscription, connection: Connection): void {
    const first = this.#first.get(connection);
    if (first === subscription) {
      if (subscription.next === undefined) this.#first.delete(connection);
      else this.#first.set(connection, subscription.next);
      return;
    }
    for (let before = first; before !== undefined; before = before.next) if (before.next === subscription) before.next = subscription.next;
  }
}

function closedError(): RealtimeError {
  return new RealtimeError("unavailable", "the server has closed its topics");
}

interface SubscribeInit {
  readonly name: string;
  readonly config: TopicConfig;
  readonly since: Since | undefined;
  readonly answer: Answer;
  readonly isPlain: boolean;
  readonly isJoined: boolean;
}
