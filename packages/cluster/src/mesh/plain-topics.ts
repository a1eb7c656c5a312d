import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { BrokerData } from "../broker/broker.ts";
import type { BatchReader } from "./batch-reader.ts";
import type { Deliveries } from "./deliveries.ts";
import { messages } from "./frames.ts";
import { readItem, writePublication } from "./messages.ts";
import type { Peer } from "./peer.ts";

/** A subscription waits at most so long for the other nodes to hear of it. Milliseconds. */
const CONFIRM_MS = 500;

/** A peer that has members of a topic, and the number by which it knows that topic. */
interface Want {
  readonly peer: Peer;
  readonly number: number;
}

/** Subscriptions that were made in one turn of the event loop. */
interface Fresh {
  readonly resolve: () => void;
  readonly promise: Promise<void>;
}

/**
 * Topics without history: their publications go from each node straight to the nodes that have members, by number. Each node numbers the
 * topics that it subscribes, and never gives a number twice.
 */
export class PlainTopics {
  readonly #clock: Clock;
  readonly #deliveries: Deliveries;
  readonly #alive: () => Iterable<Peer>;
  readonly #due: () => void;
  /** What this node has subscribed. */
  readonly #numbers = new Map<string, number>();
  readonly #topics = new Map<number, string>();
  #last = 0;
  /** Up to this number the subscriptions have been fulfilled. */
  #fulfilled = 0;
  /** Up to which number each peer is known to have heard of what this node wants. */
  readonly #heard = new Map<Peer, number>();
  #fresh: Fresh | undefined;
  readonly #timers = new Set<Timer>();
  /** What other nodes want. */
  readonly #wanted = new Map<string, Want[]>();
  readonly #wants = new Map<Peer, Map<number, string>>();

  constructor(options: { readonly clock: Clock; readonly deliveries: Deliveries; readonly alive: () => Iterable<Peer>; readonly due: () => void }) {
    this.#clock = options.clock;
    this.#deliveries = options.deliveries;
    this.#alive = options.alive;
    this.#due = options.due;
  }

  get size(): number {
    return this.#numbers.size;
  }

  has(topic: string): boolean {
    return this.#numbers.has(topic);
  }

  /** Fulfils once the others have heard of it, or do not answer. */
  subscribe(topic: string): Promise<void> {
    if (!this.#numbers.has(topic)) {
      const number = ++this.#last;
      this.#numbers.set(topic, number);
      this.#topics.set(number, topic);
      for (const { link } of this.#alive()) {
        link.writer()?.begin(messages.want).number(number).text(topic).end();
        link.wrote();
      }
    }
    return this.heard();
  }

  /** Fulfils once the others have heard of all that was written before, or do not answer. */
  heard(): Promise<void> {
    if (this.#fresh === undefined) {
      let resolve = (): void => {};
      const promise = new Promise<void>((fulfil) => void (resolve = fulfil));
      this.#fresh = { resolve, promise };
      this.#due();
    }
    return this.#fresh.promise;
  }

  /** `heard` says when the others know it. */
  unsubscribe(topic: string): void {
    const number = this.#numbers.get(topic);
    if (number === undefined) return;
    this.#numbers.delete(topic);
    this.#topics.delete(number);
    for (const { link } of this.#alive()) {
      link.writer()?.begin(messages.unwant).number(number).end();
      link.wrote();
    }
  }

  /** Before a flush: asks the others whether they have heard of what was subscribed in this turn. */
  flushing(): void {
    const fresh = this.#fresh;
    if (fresh === undefined) return;
    this.#fresh = undefined;
    const upTo = this.#last;
    const silent = new Set<Peer>(this.#alive());
    const fulfil = (): void => {
      timer.cancel();
      this.#timers.delete(timer);
      this.#fulfilled = Math.max(this.#fulfilled, upTo);
      fresh.resolve();
    };
    const timer = this.#clock.after(CONFIRM_MS, fulfil);
    this.#timers.add(timer);
    if (silent.size === 0) return fulfil();
    for (const peer of silent) {
      this.#confirm(peer, upTo, () => {
        if (silent.delete(peer) && silent.size === 0) fulfil();
      });
    }
  }

  /** How many peers it was handed to, and how many should have it and do not get it. */
  publish(topic: string, data: BrokerData, origin: string | undefined): { readonly others: number; readonly missed: number } {
    const wants = this.#wanted.get(topic);
    if (wants === undefined) return NONE;
    // Text is encoded once.
    const isShared = wants.length > 2 && typeof data === "string";
    const bytes = isShared ? Buffer.from(data) : data;
    let others = 0;
    for (const { peer, number } of wants) {
      const writer = peer.link.writer();
      if (writer === undefined) {
        peer.link.lose(number);
        continue;
      }
      writePublication(writer, number, bytes, origin, { isText: typeof data === "string" });
      if (peer.link.wrote() !== undefined) others++;
    }
    return { others, missed: wants.length - others };
  }

  /** @returns whether this was a message of topics without history. */
  message(peer: Peer, kind: number, reader: BatchReader): boolean {
    if (kind === messages.publication) {
      const topic = this.#topics.get(reader.number());
      if (topic === undefined) return true;
      const { data, origin } = readItem(reader);
      this.#deliveries.message(topic, { data, position: undefined, origin });
    } else if (kind === messages.want) this.#want(peer, reader.number(), reader.text());
    else if (kind === messages.unwant) this.#unwant(peer, reader.number());
    else if (kind === messages.gaps) this.#gaps(reader);
    else return false;
    return true;
  }

  /** Tells a peer what this node wants, and what was lost on the way to it. */
  refill(peer: Peer, received: number): void {
    const { link } = peer;
    const lost = link.lostAfter(received);
    if (lost.length > 0) {
      const writer = link.writer()?.begin(messages.gaps);
      for (const number of lost) writer?.number(number);
      writer?.end();
      link.wrote();
    }
    for (const [topic, number] of this.#numbers) {
      link.writer()?.begin(messages.want).number(number).text(topic).end();
      link.wrote();
    }
    if (!this.#heard.has(peer)) this.#heard.set(peer, this.#last);
    this.#confirm(peer, this.#last, () => {});
  }

  /** The peer tells anew what it wants. */
  restarted(peer: Peer): void {
    for (const number of this.#wants.get(peer)?.keys() ?? []) this.#unwant(peer, number);
  }

  forget(peer: Peer): void {
    this.restarted(peer);
    this.#wants.delete(peer);
    this.#heard.delete(peer);
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#fresh?.resolve();
    this.#fresh = undefined;
  }

  /** `done`: it has heard of all up to `upTo`, or what was on its way to it is dropped; then `refill` tells it. */
  #confirm(peer: Peer, upTo: number, done: () => void): void {
    peer.link.confirm(({ isReached }) => {
      if (isReached) {
        const heard = this.#heard.get(peer) ?? 0;
        // Their subscriptions were fulfilled before the peer knew: what it published in between did not come.
        for (let number = heard + 1; number <= Math.min(upTo, this.#fulfilled); number++) {
          const topic = this.#topics.get(number);
          if (topic !== undefined) this.#deliveries.gap(topic);
        }
        this.#heard.set(peer, Math.max(heard, upTo));
      }
      done();
    });
  }

  #want(peer: Peer, number: number, topic: string): void {
    let wants = this.#wants.get(peer);
    if (wants === undefined) this.#wants.set(peer, (wants = new Map()));
    if (wants.has(number)) return;
    wants.set(number, topic);
    const wanted = this.#wanted.get(topic);
    if (wanted === undefined) this.#wanted.set(topic, [{ peer, number }]);
    else wanted.push({ peer, number });
  }

  #unwant(peer: Peer, number: number): void {
    const topic = this.#wants.get(peer)?.get(number);
    if (topic === undefined) return;
    this.#wants.get(peer)?.delete(number);
    peer.link.forgetTopic(number);
    const left = this.#wanted.get(topic)?.filter((want) => want.peer !== peer || want.number !== number) ?? [];
    if (left.length === 0) this.#wanted.delete(topic);
    else this.#wanted.set(topic, left);
  }

  #gaps(reader: BatchReader): void {
    while (reader.hasMore) {
      const topic = this.#topics.get(reader.number());
      if (topic !== undefined) this.#deliveries.gap(topic);
    }
  }
}

const NONE = Object.freeze({ others: 0, missed: 0 });
