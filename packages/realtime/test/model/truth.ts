import type { HistoryBounds } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import { kindOf } from "./topics.ts";

/** One publication that took effect. */
export interface Fact {
  readonly topic: string;
  readonly epoch: string;
  /** From 1; also counted where there is no history, which tells none. */
  readonly offset: number;
  /** What the publisher called it: no two publications have the same. */
  readonly number: number;
  readonly bytes: number;
  readonly at: number;
  /** How many kills came before: a killed process forgets its keys. */
  readonly era: number;
  /** In which turn it was seen. */
  readonly turn: number;
}

/** What a broker did. */
export interface Effect {
  readonly topic: string;
  readonly position: Position | undefined;
  readonly number: number;
  readonly bytes: number;
  readonly at: number;
  /** In the how manieth process. */
  readonly life: number;
  readonly era: number;
}

/** The publications of one topic in one epoch. */
export class EpochTruth {
  readonly epoch: string;
  readonly facts: Fact[] = [];

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  get top(): number {
    return this.facts.length;
  }

  /** The oldest offset that is within `bounds` at the moment `now`; `top + 1` when none is. */
  first({ messages, bytes, ageMs }: HistoryBounds, now: number): number {
    let first = this.top + 1;
    let held = 0;
    while (first > 1 && this.top + 1 - first < messages) {
      const fact = this.facts.at(first - 2);
      held += fact?.bytes ?? 0;
      if (held > bytes || now - (fact?.at ?? 0) >= ageMs) break;
      first--;
    }
    return first;
  }
}

/** What really was published: noted at the broker, before any node is told. */
export class Truth {
  /** Counted by the world. */
  turn = 0;
  /** The history of each topic could not be read for so long that it may be given up. By topic, when that was so last. */
  readonly #unreadableAt = new Map<string, number>();
  readonly #epochs = new Map<string, Map<string, EpochTruth>>();
  readonly #byNumber = new Map<number, Fact[]>();
  readonly #current = new Map<string, EpochTruth>();
  readonly #expected = new Map<number, string>();
  readonly #excused = new Map<string, number>();
  #unwitnessed = 0;
  /** When the last member of a topic left; `undefined` while it has one. */
  readonly #leftAt = new Map<string, number | undefined>();

  note({ topic, position, number, bytes, at, life, era }: Effect): void {
    const truth = this.#epoch(topic, position?.epoch ?? `life-${life}`);
    const offset = position?.offset ?? truth.top + 1;
    // What no member was told is noted a microtask later than what one was: behind its successor, then.
    if (truth.facts[offset - 1] !== undefined) throw new Error(`the broker gave ${topic} the offset ${offset} twice`);
    const fact = { topic, epoch: truth.epoch, offset, number, bytes, at, era, turn: this.turn };
    truth.facts[offset - 1] = fact;
    this.#byNumber.set(number, [...this.of(number), fact]);
  }

  /** The topic has a member, and this history. */
  begin(topic: string, epoch: string): void {
    this.#epoch(topic, epoch);
    this.#leftAt.set(topic, undefined);
  }

  /** It has none any more. */
  left(topic: string, at: number): void {
    if (this.#leftAt.has(topic) && this.#leftAt.get(topic) === undefined) this.#leftAt.set(topic, at);
  }

  /** Nor has any topic. */
  allLeft(at: number): void {
    for (const topic of this.#leftAt.keys()) this.left(topic, at);
  }

  /** The history of `topic` is kept so long after its last member and its last publication. */
  isForgotten(topic: string, ageMs: number, now: number): boolean {
    const leftAt = this.#leftAt.has(topic) ? this.#leftAt.get(topic) : -Infinity;
    if (leftAt === undefined) return false;
    return now - Math.max(leftAt, this.#current.get(topic)?.facts.at(-1)?.at ?? -Infinity) >= ageMs;
  }

  /** Every time that a publication took effect. */
  of(number: number): readonly Fact[] {
    return this.#byNumber.get(number) ?? [];
  }

  /** The node may say that it has lost something. */
  unreadable(topic: string, at: number): void {
    this.#unreadableAt.set(topic, at);
  }

  wasUnreadable(topic: string, since: number): boolean {
    return (this.#unreadableAt.get(topic) ?? -Infinity) >= since;
  }

  /** Whether the witness of this process has it. */
  isSeen(topic: string, number: number): boolean {
    const current = this.#current.get(topic);
    return current !== undefined && this.of(number).some(({ epoch }) => epoch === current.epoch);
  }

  at(topic: string, { epoch, offset }: Position): Fact | undefined {
    return this.#epochs.get(topic)?.get(epoch)?.facts[offset - 1];
  }

  epoch(topic: string, epoch: string): EpochTruth | undefined {
    return this.#epochs.get(topic)?.get(epoch);
  }

  current(topic: string): EpochTruth | undefined {
    return this.#current.get(topic);
  }

  /** How many publications of `topic` had been seen in the turn `turn`. */
  topIn(topic: string, turn: number): number {
    const facts = this.#current.get(topic)?.facts ?? [];
    let top = facts.length;
    while (top > 0 && (facts.at(top - 1)?.turn ?? 0) > turn) top--;
    return top;
  }

  position(topic: string): Position | undefined {
    const current = this.#current.get(topic);
    return current && { epoch: current.epoch, offset: current.top };
  }

  top(topic: string): number {
    return this.#current.get(topic)?.top ?? 0;
  }

  /** Its publisher was told that it took effect; without history only the witness can tell. */
  expect(topic: string, number: number): void {
    if (number > this.#unwitnessed) this.#expected.set(number, topic);
  }

  /** Some of `topic` are missing: any of those up to now. */
  excuse(topic: string, number: number): void {
    this.#excused.set(topic, number);
  }

  /** Whether the witness may have missed it. */
  isExcused(topic: string, number: number): boolean {
    return number <= (this.#excused.get(topic) ?? 0);
  }

  /** What was expected and has not come. */
  missing(): number[] {
    const isMissing = ([number, topic]: readonly [number, string]): boolean => this.of(number).length === 0 && !this.isExcused(topic, number);
    return [...this.#expected].filter(isMissing).map(([number]) => number);
  }

  /** The witness is gone, and did not see all of those up to `number`, which may be answered later. */
  expectNothing(number: number): void {
    this.#unwitnessed = number;
    this.#expected.clear();
    this.#excused.clear();
  }

  /** Another process has another witness. */
  forgetPlain(): void {
    for (const topic of this.#current.keys()) if (kindOf(topic).history === undefined) this.#current.delete(topic);
  }

  /** After a kill no topic has a history until something begins one. */
  forget(): void {
    this.#current.clear();
    this.#leftAt.clear();
  }

  #epoch(topic: string, epoch: string): EpochTruth {
    let epochs = this.#epochs.get(topic);
    if (epochs === undefined) this.#epochs.set(topic, (epochs = new Map()));
    let truth = epochs.get(epoch);
    if (truth === undefined) epochs.set(epoch, (truth = new EpochTruth(epoch)));
    this.#current.set(topic, truth);
    return truth;
  }
}
