import { play, type Harm, type Outcome } from "./play.ts";
import { seeded } from "./seeded.ts";

export interface Case {
  readonly seed: number;
  readonly harms: readonly Harm[];
}

const WHO = ["home", "heir", "third"] as const;
/** Not noticed; noticed by itself alone; by some of the others, or by all of them; long. Milliseconds. */
const STILL_MS = [Infinity, 1500, 2800, 3500, 4200, 5500, 12_000] as const;

/** Each node comes to each harm at each write. */
export function* single({ seed, writes }: { readonly seed: number; readonly writes: number }): Generator<Case> {
  for (const who of WHO) for (const stillMs of STILL_MS) for (let write = 0; write < writes; write++) yield { seed, harms: [{ who, write, stillMs }] };
}

/** Two nodes come to harm, at any of their writes. */
export function* pairs({ seed, writes, count }: { readonly seed: number; readonly writes: number; readonly count: number }): Generator<Case> {
  const below = seeded(seed);
  for (let made = 0; made < count; made++) {
    const first = below(WHO.length);
    const second = (first + 1 + below(2)) % WHO.length;
    const who = WHO.filter((_, at) => at === first || at === second);
    yield {
      seed: seed * 100_000 + made,
      harms: who.map((each) => ({ who: each, write: below(writes), stillMs: STILL_MS[below(STILL_MS.length)] ?? Infinity })),
    };
  }
}

/**
 * Plays it. Nothing may be lost, not even with a word, as long as no node stands still so long that the others take it for dead; and the topics go on where
 * neither the home nor its heir comes to such harm.
 */
export async function judgeCase({ seed, harms }: Case): Promise<Outcome> {
  const outcome = await play(harms, seeded(seed));
  const faults = [...outcome.faults];
  const isTaken = harms.some(({ stillMs }) => stillMs >= TAKEN_MS && stillMs < Infinity);
  const goesOn = harms.every(({ who, stillMs }) => who === "third" || stillMs < TAKEN_MS);
  if (outcome.told > 0 && !isTaken) faults.push(`${outcome.told} were lost, and told`);
  if (outcome.begunAnew > 0 && goesOn) faults.push(`topics have begun anew ${outcome.begunAnew} times`);
  return { ...outcome, faults };
}

/** A node that stands still for less cannot be taken for dead: it has said within a second before that it lives. Milliseconds. */
const TAKEN_MS = 2000;
