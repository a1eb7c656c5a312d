import type { Broker, HistoryPage } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { RealtimeError } from "@upwire/protocol";
import { readHistory } from "./history.ts";
import { Publication, type PublicationTopic } from "./publication.ts";
import type { Recent } from "./recent.ts";
import type { Runnable, Turns } from "./turns.ts";

/** What wants publications that are in no cache. `run` is called when there may be some, or when more is known of what is gone. */
export interface PageReader extends Runnable {
  /** The history cannot be had now. */
  unreadable(error: RealtimeError): void;
}

export interface PagedTopic extends PublicationTopic {
  readonly name: string;
  readonly epoch: string;
  readonly top: number;
  readonly recent: Recent;
  /** The history begins at this offset. */
  begins(first: number): void;
  /** What follows `after`, up to `to`, is in the history. */
  found(after: number, to: number): void;
  /** Finds out whether it began anew, and then calls `done`. */
  verify(done: (error: RealtimeError | undefined) => void): void;
}

export interface PagesSetup {
  readonly clock: Clock;
  readonly broker: Pick<Broker, "history">;
  readonly brokerTimeoutMs: number;
  readonly turns: Turns;
}

interface Waiting {
  readonly after: number;
  readonly reader: PageReader;
  /** A read has begun since it waits. */
  isAsked: boolean;
}

/**
 * The history of one topic as the broker has it, page by page, for subscriptions that are far behind. There is one read at a
 * time: what it brings serves all that wait, and the newest page goes to the cache of the topic.
 */
export class Pages {
  readonly #setup: PagesSetup;
  readonly #topic: PagedTopic;
  #waiting: Waiting[] = [];
  /** The last page that was read. */
  #page: readonly Publication[] = [];
  #cancel: (() => void) | undefined;

  constructor(setup: PagesSetup, topic: PagedTopic) {
    this.#setup = setup;
    this.#topic = topic;
  }

  get(offset: number): Publication | undefined {
    const first = this.#page[0];
    return first === undefined ? undefined : this.#page[offset - first.offset];
  }

  /** Calls `reader` in a later turn, with what follows `after`. */
  need(after: number, reader: PageReader): void {
    this.#waiting.push({ after, reader, isAsked: false });
    if (this.#cancel === undefined) this.#read();
  }

  leave(reader: PageReader): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.reader !== reader);
  }

  /** No subscription is behind any more. */
  forget(): void {
    this.#page = [];
  }

  /** The topic has another epoch. */
  restart(): void {
    this.#cancel?.();
    this.forget();
    this.#wake();
  }

  stop(): void {
    this.#cancel?.();
    this.#waiting = [];
    this.forget();
  }

  #read(): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    for (const waiting of this.#waiting) waiting.isAsked = true;
    const { clock, broker, brokerTimeoutMs: timeoutMs } = this.#setup;
    const { after } = first;
    const { name: topic } = this.#topic;
    const isUseful = (page: HistoryPage): boolean =>
      page.epoch !== "" && (page.epoch !== this.#topic.epoch || page.first > after + 1 || page.publications.length > 0);
    this.#cancel = readHistory({ clock, broker, timeoutMs, topic, after, isUseful }, (outcome) => {
      if ("error" in outcome) this.#failed(outcome.error);
      else if (outcome.page.epoch === this.#topic.epoch) this.#take(outcome.page);
      else this.#topic.verify((error) => (error === undefined ? this.#wake() : this.#failed(error)));
    });
  }

  #take(page: HistoryPage): void {
    const { epoch, recent, top } = this.#topic;
    const at = this.#setup.clock.now();
    this.#page = page.publications.map(({ offset, data }) => new Publication(this.#topic, { epoch, offset, data, isOriginKnown: false, at }));
    this.#topic.begins(page.first);
    const [oldest, newest] = [this.#page[0], this.#page.at(-1)];
    if (oldest !== undefined && newest !== undefined) this.#topic.found(oldest.offset - 1, newest.offset);
    recent.prepend(this.#page, top);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#cancel = undefined;
    // What still lacks something asks again, and the first of them has the next page read.
    this.#setup.turns.runAll(waiting.map(({ reader }) => reader));
  }

  /** Not those that came meanwhile: they have not waited long. */
  #failed(error: RealtimeError): void {
    const failed = this.#waiting.filter(({ isAsked }) => isAsked);
    this.#waiting = this.#waiting.filter(({ isAsked }) => !isAsked);
    this.#cancel = undefined;
    for (const { reader } of failed) reader.unreadable(error);
    if (this.#cancel === undefined) this.#read();
  }
}
