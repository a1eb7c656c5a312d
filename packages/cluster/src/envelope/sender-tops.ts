import type { Taken } from "./sender-numbers.ts";
import type { SenderTop } from "./envelope.ts";

/**
 * The most time that a publication is under way, from a sender's clock to here, event loops included. Milliseconds. What a sender
 * published before a subscription can come in so much after it; it is then not missing.
 */
const TRANSIT_MS = 1000;

/** Senders that are told apart on one topic; of too many the one that was heard first is forgotten. Bytes of an envelope may name any. */
const MAX_SENDERS = 4096;

interface Heard {
  /** When the topic was subscribed. */
  since: number;
  /** The newest number of each sender; `undefined` as long as nothing has come, since most topics of many are silent. */
  numbers: Map<string, number> | undefined;
}

/**
 * The receiver's half of seeing losses on topics without history: which number of which sender came last. It calls `gap` once
 * when a number is missing, before the publications that showed it are given on, and not again for the same ones.
 *
 * Of a sender that it has heard nothing of on this topic it does not know the number. It then goes by the time: what the sender published after
 * the topic was subscribed, or while this node was cut off, should have come.
 *
 * Each call gets the time, milliseconds of a clock that does not go back.
 */
export class SenderTops {
  readonly #gap: (topic: string) => void;
  readonly #topics = new Map<string, Heard>();
  /** Since when this node was cut off last. */
  #cutAt = -Infinity;

  /** @param gap Something of `topic` is missing. */
  constructor(gap: (topic: string) => void) {
    this.#gap = gap;
  }

  /** How many topics are listened to. */
  get size(): number {
    return this.#topics.size;
  }

  /** `topic` is subscribed from now on. Again for a subscribed one it does nothing. */
  listen(topic: string, now: number): void {
    if (!this.#topics.has(topic)) this.#topics.set(topic, { since: now, numbers: undefined });
  }

  unlisten(topic: string): void {
    this.#topics.delete(topic);
  }

  /**
   * `count` publications of `sender` came, the first of them with the number `taken.first`.
   * @returns How many of them, from the first on, have come before: those must not be given on.
   */
  came(topic: string, sender: string, { first, earlierMs }: Taken, count: number, now: number): number {
    const heard = this.#topics.get(topic);
    if (heard === undefined) return count;
    const last = heard.numbers?.get(sender);
    const top = first + count - 1;
    if (last !== undefined && top <= last) return count;
    note(heard, sender, top);
    if (last !== undefined && last >= first) return last - first + 1;
    if (earlierMs !== undefined && this.#lacks(heard, last, first - 1, now - earlierMs)) this.#gap(topic);
    return 0;
  }

  /** `sender` says that its newest number of a topic is this. */
  shown(sender: string, { topic, number, ageMs }: SenderTop, now: number): void {
    const heard = this.#topics.get(topic);
    if (heard === undefined) return;
    const last = heard.numbers?.get(sender);
    if (last !== undefined && number <= last) return;
    note(heard, sender, number);
    if (this.#lacks(heard, last, number, now - ageMs)) this.#gap(topic);
  }

  /** What `sender` published up to `number` is not missed, for a broker whose sender tells its number when the subscription begins. */
  begin(sender: string, { topic, number }: Pick<SenderTop, "topic" | "number">): void {
    const heard = this.#topics.get(topic);
    if (heard !== undefined && number > (heard.numbers?.get(sender) ?? -1)) note(heard, sender, number);
  }

  /**
   * This node was cut off, and heard everything up to the moment `since`. After a second cut, before the senders have repeated their
   * numbers for the first, `since` is the moment of the first.
   */
  cut(since: number): void {
    this.#cutAt = since;
  }

  /** Nothing tells any more what was published while this node was cut off, because its sender has ended: any topic may lack something. */
  loseAll(): void {
    for (const topic of this.#topics.keys()) this.#gap(topic);
  }

  /** `sender` has ended. */
  forget(sender: string): void {
    for (const { numbers } of this.#topics.values()) numbers?.delete(sender);
  }

  /** @param at When `number` was published, at the latest. */
  #lacks({ since }: Heard, last: number | undefined, number: number, at: number): boolean {
    if (last !== undefined) return number > last;
    return this.#cutAt > since ? at > this.#cutAt : at > since + TRANSIT_MS;
  }
}

function note(heard: Heard, sender: string, number: number): void {
  const numbers = (heard.numbers ??= new Map());
  if (numbers.size >= MAX_SENDERS && !numbers.has(sender)) {
    for (const first of numbers.keys()) {
      numbers.delete(first);
      break;
    }
  }
  numbers.set(sender, number);
}
