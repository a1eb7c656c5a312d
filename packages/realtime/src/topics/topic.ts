import type { BrokerData, BrokerPublication } from "@upwire/cluster/broker";
import type { Connection } from "@upwire/core";
import type { GapReason, Position, RealtimeError } from "@upwire/protocol";
import { Conflation } from "./conflation.ts";
import { headOf } from "./frames.ts";
import { Losses } from "./losses.ts";
import { Members } from "./members.ts";
import { Order, type OrderedTopic } from "./order.ts";
import { Pages, type PagedTopic } from "./pages.ts";
import { Publication, type Restriction } from "./publication.ts";
import { Recent } from "./recent.ts";
import type { TopicConfig, TopicSetup } from "./setup.ts";
import { State, type StatefulTopic } from "./state.ts";
import type { SubscribedTopic } from "./subscription.ts";

/**
 * One topic on this node: its place in the history, and who is subscribed here. Everything up to `top` was sent to the audience,
 * in order. A subscription that is not up to date is no member of the audience, and catches up by itself.
 */
export class Topic implements SubscribedTopic, OrderedTopic, PagedTopic, StatefulTopic {
  readonly name: string;
  readonly head: string;
  readonly hasHistory: boolean;
  epoch = "";
  top = 0;
  epochStart = 0;
  readonly ageMs: number;
  isAttached = false;
  readonly members: Members;
  readonly recent: Recent;
  readonly pages: Pages;
  readonly state: State | undefined;
  readonly #setup: TopicSetup;
  /** `undefined` without history. */
  readonly #order: Order | undefined;
  #losses = new Losses(1);
  #conflation: Conflation | undefined;
  /** How many computations of the state want that nothing is forgotten. */
  #pins = 0;

  constructor(setup: TopicSetup, name: string, config: TopicConfig) {
    const { clock, broker, limits, turns, report } = setup;
    this.name = name;
    this.hasHistory = config.history !== undefined;
    this.head = headOf(name, this);
    this.members = new Members(setup, () => this.pages.forget());
    this.ageMs = config.history?.ageMs ?? Infinity;
    const { messages = Infinity, bytes = Infinity } = config.history ?? {};
    const { cacheMessages, cacheBytes } = limits;
    this.recent = new Recent({ messages: Math.min(messages, cacheMessages), bytes: Math.min(bytes, cacheBytes) }, setup.budget);
    this.pages = new Pages({ clock, broker, turns, brokerTimeoutMs: limits.brokerTimeoutMs }, this);
    this.state = config.state && new State({ clock, stateTimeoutMs: limits.stateTimeoutMs, turns, report }, this, config.state);
    this.#order = this.hasHistory ? new Order({ clock, broker, limits }, this) : undefined;
    this.#setup = setup;
  }

  // From the broker.

  /** It is attached: everything after `position` is told. */
  attached(position: Position | undefined): void {
    if (position !== undefined) this.#begin(position.epoch, position.offset);
    this.isAttached = true;
    this.#order?.begin();
    this.#setup.turns.runAll(this.members.waiting().flatMap(({ phase }) => phase ?? []));
  }

  receive(publication: BrokerPublication): void {
    if (this.#order !== undefined) this.#order.receive(publication);
    else if (publication.position === undefined) this.publish(publication.data, undefined);
  }

  topTold(position: Position): void {
    this.#order?.topTold(position);
  }

  /** Without history: something may be missing here. */
  gapTold(): void {
    if (this.hasHistory) return;
    // It counts as one publication that did not come.
    this.lose(this.top + 1);
  }

  // From `Order`.

  deliver(data: BrokerData, { isOriginKnown }: { readonly isOriginKnown: boolean }): void {
    const publication = new Publication(this, { epoch: this.epoch, offset: this.top + 1, data, isOriginKnown, at: this.#setup.clock.now() });
    if (!isOriginKnown) this.#holdBack(publication);
    this.top++;
    this.recent.push(publication);
    this.members.send(publication);
  }

  lose(to: number): void {
    const after = this.top;
    this.#losses.add(after, to);
    this.#setup.stats.losses++;
    this.top = to;
    this.members.lagAll(after);
  }

  restart(epoch: string, start: number): void {
    const before = this.top;
    this.#setup.stats.losses++;
    this.#begin(epoch, start);
    this.members.lagAll(before);
  }

  #begin(epoch: string, start: number): void {
    this.epoch = epoch;
    this.top = start;
    this.epochStart = start;
    this.recent.clear();
    this.pages.restart();
    this.#losses = new Losses(1);
  }

  /** Those whose own publication this may be get it after their reply. */
  #holdBack(publication: Publication): void {
    for (const connection of this.#setup.repliesDue.waitingFor(this.name, publication)) {
      const subscription = this.members.get(connection);
      if (subscription !== undefined && subscription.phase === undefined) this.members.lag(subscription, this.top);
    }
  }

  // Without history.

  /** Sends to all members here. */
  publish(data: BrokerData, restriction: Restriction | undefined): void {
    const publication = new Publication(this, { epoch: this.epoch, offset: this.top + 1, data, isOriginKnown: true, at: this.#setup.clock.now(), restriction });
    const key = restriction?.conflate;
    this.top++;
    if (key !== undefined) (this.#conflation ??= new Conflation()).add(key, publication);
    if (this.#pins > 0) this.recent.push(publication);
    this.members.send(publication);
  }

  // From subscriptions.

  find(offset: number): Publication | undefined {
    return this.recent.get(offset) ?? this.pages.get(offset);
  }

  forgottenAfter(position: number): number | undefined {
    const forgotten = this.#losses.forgottenAfter(position);
    // What has not come here yet is not for the subscriptions to judge.
    return forgotten === undefined ? undefined : Math.min(forgotten, this.top);
  }

  goneAfter(position: number): { readonly reason: GapReason; readonly to: number } | undefined {
    const lost = this.#losses.lostAfter(position);
    if (lost !== undefined) return { reason: "lost", to: lost };
    const forgotten = this.hasHistory ? this.forgottenAfter(position) : this.reachableFrom;
    return forgotten === undefined ? undefined : { reason: "slow", to: forgotten };
  }

  get reachableFrom(): number {
    return this.recent.size === 0 ? this.top : this.recent.first - 1;
  }

  isReplyDue(connection: Connection, publication: Publication): boolean {
    return this.#setup.repliesDue.isDue(this.name, connection, publication);
  }

  verify(done: (error: RealtimeError | undefined) => void): void {
    this.#order?.verify(done);
  }

  missed(connection: Connection, publication: Publication): void {
    this.members.missed(connection, publication);
  }

  // From `Pages` and `State`.

  begins(first: number): void {
    this.#losses.begins(first);
  }

  found(after: number, to: number): void {
    this.#losses.found(after, to);
  }

  unreadable(position: number): void {
    if (this.find(position + 1) === undefined && position < this.reachableFrom) this.#losses.add(position, this.reachableFrom);
  }

  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    if (--this.#pins === 0 && !this.hasHistory) this.recent.clear();
  }

  stop(): void {
    this.#order?.stop();
    this.pages.stop();
    this.state?.stop();
    this.recent.clear();
  }
}
