import type { Figures } from "./driver/job.ts";

/** The rounds of one row in one cell. */
export type Rounds = readonly Figures[];

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of one figure; `undefined` when the rounds have none. */
export function medianOf(rounds: Rounds, figure: keyof Figures): number | undefined {
  const values = valuesOf(rounds, figure);
  return values.length === 0 ? undefined : median(values);
}

/**
 * The median of what this row has of the other one's figure in the same round: where they take turns, what else the machine
 * did falls on both. `undefined` when one of them lacks rounds.
 */
export function shareOf(rounds: Rounds, others: Rounds, figure: keyof Figures): number | undefined {
  const own = valuesOf(rounds, figure);
  const theirs = valuesOf(others, figure);
  return own.length === 0 || own.length !== theirs.length ? undefined : median(own.map((value, round) => value / theirs[round]!));
}

/** Largest less smallest, as a share of the median; `undefined` for less than two rounds. */
export function spreadOf(rounds: Rounds, figure: keyof Figures): number | undefined {
  const values = valuesOf(rounds, figure);
  return values.length < 2 ? undefined : (Math.max(...values) - Math.min(...values)) / median(values);
}

function valuesOf(rounds: Rounds, figure: keyof Figures): number[] {
  return rounds.map((round) => round[figure]).filter((value): value is number => value !== undefined && Number.isFinite(value));
}

export function sumOf(rounds: Rounds, figure: "lost" | "disorders" | "closed"): number {
  return rounds.reduce((sum, round) => sum + round[figure], 0);
}
