import type { Evidence, Heard, Listener } from "./log.ts";
import type { Verdict } from "./verdict.ts";

type Told = Extract<Heard, { kind: "gap" }>;

/** Where a message of one publisher stands in the log of one listener: behind so many gaps. */
interface Place {
  readonly n: number;
  readonly gapsBefore: number;
}

/** A run of numbers that never came, and the gaps that were told where they belong. */
export interface Hole {
  readonly publisher: string;
  readonly from: number;
  readonly to: number;
  /** Indices of gaps. None: the listener was told nothing. */
  readonly gaps: { readonly first: number; readonly end: number };
}

/** The log of one listener, read once in order: doubles, inversions and gaps, and the places of all that came. */
export class Hearing {
  readonly gaps: readonly Told[];
  readonly #places = new Map<string, Map<number, Place>>();

  constructor({ heard }: Listener, { hurtAt, healedAt }: Pick<Evidence, "hurtAt" | "healedAt">, verdict: Verdict) {
    const gaps: Told[] = [];
    const newest = new Map<string, number>();
    let previous: number | undefined;
    for (const entry of heard) {
      if (entry.kind === "gap") {
        gaps.push(entry);
        continue;
      }
      const { publisher, n, at } = entry;
      verdict.heard++;
      if (previous !== undefined) {
        verdict.silenceMs = Math.max(verdict.silenceMs, at - previous);
        verdict.stoppedMs = Math.max(verdict.stoppedMs, Math.min(at, healedAt) - Math.max(previous, hurtAt));
      }
      previous = at;
      const places = this.#placesOf(publisher);
      const earlier = places.get(n);
      if (earlier !== undefined) {
        if (earlier.gapsBefore < gaps.length) verdict.repeated++;
        else verdict.doubled++;
        continue;
      }
      if (n < (newest.get(publisher) ?? 0)) verdict.inverted++;
      newest.set(publisher, Math.max(newest.get(publisher) ?? 0, n));
      places.set(n, { n, gapsBefore: gaps.length });
    }
    this.gaps = gaps;
    verdict.gaps += gaps.length;
  }

  /** What of the numbers 1 to `last` never came. */
  *holes(publisher: string, last: number): Generator<Hole> {
    const places = [...this.#placesOf(publisher).values()].toSorted((one, other) => one.n - other.n);
    let before: Place = { n: 0, gapsBefore: 0 };
    for (const place of [...places, { n: last + 1, gapsBefore: this.gaps.length }]) {
      if (place.n > before.n + 1) {
        yield { publisher, from: before.n + 1, to: place.n - 1, gaps: { first: before.gapsBefore, end: place.gapsBefore } };
      }
      before = place;
    }
  }

  #placesOf(publisher: string): Map<number, Place> {
    const known = this.#places.get(publisher) ?? new Map<number, Place>();
    this.#places.set(publisher, known);
    return known;
  }
}
