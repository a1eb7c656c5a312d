import type { BrokerPublication, HistoryBounds } from "@upwire/cluster/broker";
import type { PublicationsEnvelope } from "@upwire/cluster/envelope";
import type { Position } from "@upwire/protocol";
import { Seen } from "./seen.ts";
import type { Turn } from "./turn.ts";

interface SubscriptionSetup {
  readonly topic: string;
  readonly channel: string;
  readonly turn: Turn;
  readonly seenOf: (topic: string) => Seen;
}

/** A topic that this node has subscribed. */
export class Subscription {
  readonly topic: string;
  readonly channel: string;
  /** The subscribe that the server has acknowledged, or will. */
  turn: Turn;
  /** `undefined` without history. */
  bounds: HistoryBounds | undefined;
  readonly #seenOf: (topic: string) => Seen;
  #seen: Seen | undefined;
  /** Its position must be asked for. */
  isDoubtful = false;
  /** When it was asked for last, or subscribed. */
  askedAt = 0;
  #toldEpoch = "";
  #toldTop = 0;

  constructor({ topic, channel, turn, seenOf }: SubscriptionSetup) {
    this.topic = topic;
    this.channel = channel;
    this.turn = turn;
    this.#seenOf = seenOf;
  }

  /** With history from now on, or with other bounds. */
  keep(bounds: HistoryBounds, now: number): void {
    this.bounds = bounds;
    this.askedAt = now;
  }

  /** Those without history never need it. */
  get seen(): Seen {
    return (this.#seen ??= this.#seenOf(this.topic));
  }

  get position(): Position {
    return { epoch: this.seen.epoch, offset: this.seen.top };
  }

  /** What of an envelope with history has not been told yet. What is missing before it shows by `top`. */
  untold({ position, items }: PublicationsEnvelope): BrokerPublication[] {
    if (position === undefined || items.length === 0) return [];
    const { epoch, offset } = position;
    const publications: BrokerPublication[] = [];
    for (const [at, { data, origin }] of items.entries()) {
      if (epoch === this.#toldEpoch && offset + at <= this.#toldTop) continue;
      publications.push({ data, origin, position: { epoch, offset: offset + at } });
    }
    if (epoch !== this.#toldEpoch || offset + items.length - 1 > this.#toldTop) {
      this.#toldEpoch = epoch;
      this.#toldTop = offset + items.length - 1;
    }
    return publications;
  }

  /** Whether what this node has published itself, at `position`, can be told now: nothing before it is still on its way. */
  isNext({ epoch, offset }: Position): boolean {
    return epoch === this.#toldEpoch ? offset === this.#toldTop + 1 : offset === 1;
  }

  /** It was told, or lies before the subscription. */
  told({ epoch, offset }: Position): void {
    this.#toldEpoch = epoch;
    this.#toldTop = offset;
  }

  /** Nothing of the topic has been told yet. */
  get isFresh(): boolean {
    return this.#toldEpoch === "";
  }
}
