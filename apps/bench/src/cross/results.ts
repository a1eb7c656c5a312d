import type { CrossFigures } from "./measure.ts";

/** The rounds of every row, by cell and row. */
export type CrossResults = ReadonlyMap<string, ReadonlyMap<string, readonly CrossFigures[]>>;

/** `undefined` when there is no round that has it. */
export function medianOf(rounds: readonly CrossFigures[], figure: keyof CrossFigures): number | undefined {
  const sorted = rounds
    .map((round) => round[figure])
    .filter((value) => value !== undefined)
    .toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  if (high === undefined) return undefined;
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2;
}
