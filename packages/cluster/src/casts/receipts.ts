import type { Run } from "./control.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** How long an answer is kept for the case that it was lost, and a node asks for it. Milliseconds; longer than any cast waits. */
const KEPT_MS = 2000;
/** Runs that are kept at most. */
const MAX_RUNS = 20_000;
/** Casts that other nodes may ask about in one turn of the event loop, all together. */
export const MAX_CHECKED = 200_000;
/** Numbers that one run takes in a list: its first cast, how many, and how many queues took each. */
const FIELDS = 3;

interface Sent {
  readonly at: number;
  readonly runs: readonly number[];
}

/**
 * What came here of the casts of one other node. Casts have numbers that follow each other, and many of them go to one room: a
 * thousand answers are one run of three numbers.
 */
export class Receipts {
  /** The answers of this turn, which are not sent yet: `FIELDS` numbers for each run. */
  #runs: number[] = [];
  readonly #sent: Sent[] = [];
  #sentRuns = 0;

  /** A cast has come, and `took` queues took it. @returns whether it is the first one of this turn. */
  add(cast: number, took: number): boolean {
    const runs = this.#runs;
    const last = runs.length - FIELDS;
    if (last >= 0 && runs[last + 2] === took && (runs[last] as number) + (runs[last + 1] as number) === cast) {
      runs[last + 1] = (runs[last + 1] as number) + 1;
      return false;
    }
    runs.push(cast, 1, took);
    return last < 0;
  }

  /** Writes the answers of this turn, and keeps them for a while. */
  write(content: ByteWriter, now: number): void {
    const runs = this.#runs;
    if (runs.length === 0) return;
    for (const value of runs) content.number(value);
    this.#runs = [];
    this.#sent.push({ at: now, runs });
    this.#sentRuns += runs.length / FIELDS;
    while (this.#sentRuns > MAX_RUNS || now - (this.#sent[0]?.at ?? now) > KEPT_MS) this.#sentRuns -= (this.#sent.shift() as Sent).runs.length / FIELDS;
  }

  /**
   * Puts the casts that have come into the answers of this turn. @param most How many of the casts are looked at.
   * @returns the others, in the order of their numbers.
   */
  repeat(checked: readonly Run[], most: number = MAX_CHECKED): number[] {
    const wanted = new Set<number>();
    for (const { first, count } of checked) for (let cast = first; cast < first + count && wanted.size < most; cast++) wanted.add(cast);
    for (const cast of castsIn(this.#runs)) wanted.delete(cast.number);
    for (const { runs } of this.#sent) {
      if (wanted.size === 0) return [];
      for (const { number, took } of castsIn(runs)) if (wanted.delete(number)) this.add(number, took);
    }
    return [...wanted];
  }
}

function* castsIn(runs: readonly number[]): Generator<{ readonly number: number; readonly took: number }> {
  for (let at = 0; at < runs.length; at += FIELDS) {
    const [first, count, took] = runs.slice(at, at + FIELDS) as [number, number, number];
    for (let number = first; number < first + count; number++) yield { number, took };
  }
}
