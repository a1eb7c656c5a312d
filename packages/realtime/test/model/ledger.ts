import type { Position } from "@upwire/protocol";
import type { Counts, Journal } from "./journal.ts";
import { kindOf, type TopicKind } from "./topics.ts";
import type { Fact, Truth } from "./truth.ts";

/** A loss that the client was told of. */
export interface ToldGap {
  readonly after: number | undefined;
  readonly to: Position | undefined;
  readonly state: ShownState | undefined;
}

/** What the state of a topic covers, as the application says. */
export interface ShownState {
  readonly epoch: string;
  readonly upTo: number;
}

export interface LedgerSetup {
  readonly owner: string;
  readonly topic: string;
  readonly truth: Truth;
  readonly journal: Journal;
  readonly counts: Counts;
  readonly now: () => number;
  /** The broker loses nothing and keeps the order. */
  readonly isExact: boolean;
  /** What is lost is taken back from the front of the queue, where no gap can be put: without history it is told behind the rest. */
  readonly tellsLate: boolean;
}

/** A gap for what could not be read in time is told so much later at most: a client may be slow, and then it settles. Milliseconds. */
export const TOLD_MS = 150_000;
/** The witness may get a publication so much later than a client that subscribed behind it gets its reply. Turns. */
const WITNESS_TURNS = 4;

/**
 * What the application of one client knows of one topic: each publication once, in order, and each loss at its place. It knows
 * nothing of the protocol; whatever reads the protocol for it is judged here too.
 */
export class Ledger {
  readonly #setup: LedgerSetup;
  readonly #kind: TopicKind;
  /** Everything up to here was delivered, or its loss was told. */
  #seen: Position | undefined;
  /** Without history: in which turn the subscription had begun. */
  #beganIn = 0;
  #isGapTold = false;
  /** Something is missing, and the gap is still to come. */
  #isGapOwed = false;
  readonly #had = new Set<number>();

  constructor(setup: LedgerSetup) {
    this.#setup = setup;
    this.#kind = kindOf(setup.topic);
  }

  get seen(): Position | undefined {
    return this.#seen;
  }

  /** A subscription began, and brings nothing of what was before `position`. */
  begin(position: Position | undefined, state: ShownState | undefined): void {
    const { truth } = this.#setup;
    if (state !== undefined && position !== undefined) this.#mustCover(state, position);
    this.#had.clear();
    this.#isGapTold = false;
    this.#isGapOwed = false;
    this.#seen = position;
    this.#beganIn = truth.turn;
  }

  /** A subscription goes on at `after`. */
  resume(after: Position): void {
    const { journal } = this.#setup;
    const seen = this.#seen;
    if (seen === undefined || seen.epoch !== after.epoch)
      return journal.fail("resume false", `${this.#name} was resumed at ${textOf(after)}, and stands at ${textOf(seen)}`);
    if (after.offset > seen.offset) journal.fail("lost", `${this.#name} was resumed at ${textOf(after)}, and has only what is up to ${textOf(seen)}`);
    if (after.offset < seen.offset) journal.fail("doubled", `${this.#name} was resumed at ${textOf(after)}, and has all up to ${textOf(seen)}`);
  }

  deliver(number: number): void {
    const { truth, journal, counts, topic } = this.#setup;
    counts.delivered++;
    const facts = truth.of(number).filter((fact) => fact.topic === topic);
    if (this.#kind.history === undefined && !truth.isSeen(topic, number) && truth.isExcused(topic, number)) return;
    if (facts.length === 0) journal.fail("wrong content", `${this.#name} got number ${number}, which was never published there`);
    if (this.#kind.history === undefined) return this.#deliverPlain(facts);
    const seen = this.#seen;
    if (seen === undefined) return journal.fail("not subscribed", `${this.#name} got number ${number} before it was subscribed`);
    const fact = facts.find(({ epoch, offset }) => epoch === seen.epoch && offset === seen.offset + 1);
    if (fact !== undefined) {
      this.#seen = { epoch: fact.epoch, offset: fact.offset };
      return;
    }
    const [other] = facts as [Fact];
    const where = `${this.#name} got number ${number}, which is ${textOf(other)}, and stands at ${textOf(seen)}`;
    if (other.epoch !== seen.epoch) return journal.fail("out of order", `${where}: another history began untold`);
    return journal.fail(other.offset <= seen.offset ? "doubled" : "lost", where);
  }

  gap({ after, to, state }: ToldGap): void {
    const { journal, counts, truth, topic, now } = this.#setup;
    counts.gaps++;
    if (state !== undefined) counts.gapsWithState++;
    if (this.#kind.history === undefined) return this.#gapPlain();
    const seen = this.#seen;
    const told = `${this.#name} was told a gap from ${after} to ${textOf(to)} and stands at ${textOf(seen)}`;
    if (seen === undefined || to === undefined) return journal.fail("wrong gap", told);
    if (after !== seen.offset) return journal.fail("wrong gap", `${told}: not all up to ${after} has come`);
    const history = truth.epoch(topic, to.epoch);
    if (history === undefined || to.offset > history.top) return journal.fail("wrong gap", `${told}: there is no such position`);
    if (to.epoch !== seen.epoch) {
      if (truth.current(topic)?.epoch === seen.epoch) journal.fail("wrong gap", `${told}: the history did not begin anew`);
    } else {
      if (to.offset <= seen.offset) journal.fail("wrong gap", `${told}: nothing is missing`);
      // What was kept is trimmed, and never comes back: what is kept now was kept when the gap was told.
      const first = this.#kind.history === undefined ? 0 : history.first(this.#kind.history, now());
      const missing = state === undefined ? to.offset : seen.offset + 1;
      if (missing >= first && !truth.wasUnreadable(topic, now() - TOLD_MS)) journal.fail("wrong gap", `${told}, and everything from ${first} on is kept`);
    }
    if (state !== undefined) this.#mustCover(state, to);
    this.#seen = to;
  }

  /** Nothing is on its way to it. */
  get hasAll(): boolean {
    const { truth, topic } = this.#setup;
    if (this.#kind.history === undefined) return !this.#isGapOwed && (this.#isGapTold || truth.top(topic) <= this.#hasUpTo);
    const current = truth.current(topic);
    return this.#seen === undefined || current === undefined || (this.#seen.epoch === current.epoch && this.#seen.offset === current.top);
  }

  /** When all is quiet, everything must have come. */
  settle(): void {
    const { truth, journal, topic } = this.#setup;
    if (this.hasAll) return;
    const stands = this.#kind.history === undefined ? String(this.#hasUpTo) : textOf(this.#seen);
    journal.fail("lost", `${this.#name} stands at ${stands}, and the topic at ${truth.current(topic)?.epoch} ${truth.top(topic)}`);
  }

  /** Without history: up to where the client has everything. Before its first publication, where it can have begun at the latest. */
  get #hasUpTo(): number {
    const { truth, topic } = this.#setup;
    return this.#seen?.offset ?? truth.topIn(topic, this.#beganIn + WITNESS_TURNS);
  }

  get #name(): string {
    return `${this.#setup.owner} in ${this.#setup.topic}`;
  }

  #mustCover(state: ShownState, position: Position): void {
    const { journal, counts } = this.#setup;
    counts.states++;
    if (state.epoch !== position.epoch || state.upTo < position.offset) {
      journal.fail("state too old", `${this.#name} got a state of ${state.epoch} ${state.upTo} for the position ${textOf(position)}`);
    }
  }

  #deliverPlain(facts: readonly Fact[]): void {
    const { journal, isExact, tellsLate } = this.#setup;
    const fact = facts.at(-1) as Fact;
    const last = this.#seen?.offset;
    const where = `${this.#name} got ${textOf(fact)} after ${last}`;
    if (this.#had.has(fact.offset)) journal.fail("doubled", where);
    this.#had.add(fact.offset);
    if (last !== undefined && fact.offset <= last) journal.fail("out of order", where);
    const expected = this.#hasUpTo + 1;
    if (fact.offset > expected && !this.#isGapTold) {
      if (!tellsLate) journal.fail("lost", `${where}, and no gap was told`);
      this.#isGapOwed = true;
    }
    if (isExact && last !== undefined && fact.offset === expected && this.#isGapTold && !tellsLate) journal.fail("wrong gap", `${where}: nothing was missing`);
    this.#seen = { epoch: fact.epoch, offset: Math.max(fact.offset, last ?? 0) };
    this.#isGapTold = false;
  }

  #gapPlain(): void {
    this.#setup.counts.gapsWithoutHistory++;
    this.#isGapTold = true;
    this.#isGapOwed = false;
  }
}

function textOf(position: Position | undefined): string {
  return position === undefined ? "nothing" : `${position.epoch} ${position.offset}`;
}
