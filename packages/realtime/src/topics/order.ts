import type { Broker, BrokerData, BrokerPublication, HistoryPage } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { Position, RealtimeError } from "@upwire/protocol";
import { readHistory } from "./history.ts";

export interface OrderSetup {
  readonly clock: Clock;
  readonly broker: Pick<Broker, "history">;
  readonly limits: { readonly brokerTimeoutMs: number; readonly heldMessages: number; readonly heldBytes: number };
}

/** A topic with history, as what brings its publications into order sees it. */
export interface OrderedTopic {
  readonly name: string;
  readonly epoch: string;
  readonly top: number;
  /** The next one, `top + 1`. */
  deliver(data: BrokerData, from: { readonly isOriginKnown: boolean }): void;
  /** Nothing up to `to` will come. */
  lose(to: number): void;
  /** The history began anew; what it has begins behind `start`. */
  restart(epoch: string, start: number): void;
}

type Done = (error: RealtimeError | undefined) => void;

/**
 * Brings what the broker tells of one topic, late, twice or out of order, into the order of the offsets. What comes too early is
 * held, and what lacks is read from the history. What that does not have any more, or cannot give in time, is lost. Whether
 * another epoch is a newer or an older one, only the history can tell.
 */
export class Order {
  readonly #setup: OrderSetup;
  readonly #topic: OrderedTopic;
  /** What came before the topic was attached; `undefined` since then. */
  #early: BrokerPublication[] | undefined = [];
  #held: Map<number, BrokerData> | undefined;
  #heldBytes = 0;
  /** The highest offset of this epoch that was seen. */
  #target = 0;
  /** Something was seen since the last read began that only a further read can explain. */
  #mustRead = false;
  #cancel: (() => void) | undefined;
  #verifying: Done[] | undefined;

  constructor(setup: OrderSetup, topic: OrderedTopic) {
    this.#setup = setup;
    this.#topic = topic;
  }

  /** The topic has the position that it was attached at. */
  begin(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const publication of early) this.receive(publication);
    if (this.#mustRead) this.#fill();
  }

  /** A publication as the broker told it. */
  receive(publication: BrokerPublication): void {
    if (this.#early !== undefined) return this.#keepEarly(publication);
    const { data, position } = publication;
    if (position === undefined) return;
    const topic = this.#topic;
    if (position.epoch !== topic.epoch) return this.#lookAgain();
    if (position.offset <= topic.top) return;
    this.#target = Math.max(this.#target, position.offset);
    if (position.offset > topic.top + 1) {
      this.#hold(position.offset, data);
      return this.#fill();
    }
    topic.deliver(data, { isOriginKnown: true });
    if (this.#held !== undefined) this.#release();
  }

  /** The newest position as the broker told it. */
  topTold({ epoch, offset }: Position): void {
    if (this.#early !== undefined) return;
    if (epoch !== this.#topic.epoch) return this.#lookAgain();
    this.#target = Math.max(this.#target, offset);
    if (offset > this.#topic.top) this.#fill();
  }

  /** Reads once, and calls `done` when the topic is up to date, or the history cannot be had. */
  verify(done: Done): void {
    (this.#verifying ??= []).push(done);
    this.#lookAgain();
  }

  stop(): void {
    this.#cancel?.();
    this.#verifying = undefined;
    this.#clear();
  }

  #keepEarly(publication: BrokerPublication): void {
    if (this.#early !== undefined && this.#early.length < this.#setup.limits.heldMessages) this.#early.push(publication);
    // It is asked for once the topic is attached.
    else this.#mustRead = true;
  }

  #lookAgain(): void {
    this.#mustRead = true;
    this.#fill();
  }

  /** Over its bounds it forgets: what is in no hole can be read. */
  #hold(offset: number, data: BrokerData): void {
    const { heldMessages, heldBytes } = this.#setup.limits;
    const held = (this.#held ??= new Map());
    if (held.has(offset) || held.size >= heldMessages || this.#heldBytes + data.length > heldBytes) return;
    held.set(offset, data);
    this.#heldBytes += data.length;
  }

  #release(): void {
    const topic = this.#topic;
    for (let data = this.#unhold(topic.top + 1); data !== undefined; data = this.#unhold(topic.top + 1)) topic.deliver(data, { isOriginKnown: true });
    if (topic.top >= this.#target) this.#clear();
  }

  #unhold(offset: number): BrokerData | undefined {
    const data = this.#held?.get(offset);
    if (data === undefined) return undefined;
    this.#held?.delete(offset);
    this.#heldBytes -= data.length;
    return data;
  }

  #clear(): void {
    this.#held = undefined;
    this.#heldBytes = 0;
  }

  get #lacks(): boolean {
    return this.#mustRead || this.#topic.top < this.#target;
  }

  #fill(): void {
    if (this.#cancel === undefined) this.#read(this.#topic.top);
  }

  #read(after: number): void {
    const { clock, broker, limits } = this.#setup;
    const { name: topic } = this.#topic;
    const isCheck = this.#mustRead;
    this.#mustRead = false;
    const isUseful = (page: HistoryPage): boolean =>
      page.epoch !== "" && (isCheck || page.epoch !== this.#topic.epoch || page.first > after + 1 || page.publications.length > 0);
    this.#cancel = readHistory({ clock, broker, timeoutMs: limits.brokerTimeoutMs, topic, after, isUseful }, (outcome) => {
      this.#cancel = undefined;
      if ("error" in outcome) this.#unreadable(outcome.error);
      else this.#take(outcome.page, after);
    });
  }

  #take(page: HistoryPage, after: number): void {
    const topic = this.#topic;
    if (page.epoch !== topic.epoch) {
      // A page from its middle says nothing of what is in front of it.
      if (after > 0) return this.#read(0);
      this.#clear();
      this.#target = 0;
      topic.restart(page.epoch, page.first - 1);
    }
    this.#target = Math.max(this.#target, page.top);
    if (page.first > topic.top + 1) this.#lose(page.first - 1);
    for (const { offset, data } of page.publications) {
      if (offset !== topic.top + 1) continue;
      this.#unhold(offset);
      topic.deliver(data, { isOriginKnown: false });
    }
    this.#release();
    this.#next(undefined);
  }

  #unreadable(error: RealtimeError): void {
    const { top } = this.#topic;
    // Without the history a foreign epoch explains nothing: it is asked about again with the next sign of it.
    const held = this.#held;
    if (top < this.#target) this.#lose(held === undefined || held.size === 0 ? this.#target : Math.min(...held.keys()) - 1);
    this.#release();
    this.#next(error);
  }

  #lose(to: number): void {
    if (to > this.#topic.top) this.#topic.lose(to);
  }

  #next(error: RealtimeError | undefined): void {
    if (this.#lacks && error === undefined) return this.#fill();
    const verifying = this.#verifying ?? [];
    this.#verifying = undefined;
    for (const done of verifying) done(error);
    if (this.#lacks) this.#fill();
  }
}
