import type { CrossFigures } from "./measure.ts";
import { medianOf, type CrossResults } from "./results.ts";

/** What is stated. `most`: at most so much of the other row's figure; `least`: at least. Rows may come from two cells. */
export interface CrossClaim {
  readonly figure: keyof CrossFigures;
  readonly row: string;
  readonly cell: string;
  readonly against: string;
  /** @default that of the row */
  readonly againstCell?: string;
  readonly most?: number;
  readonly least?: number;
}

export interface CrossVerdict {
  readonly claim: CrossClaim;
  /** The quotient, row by other row. */
  readonly measured: number;
  readonly holds: boolean;
}

export const crossClaims: readonly CrossClaim[] = [
  ...["redis", "hub-redis"].flatMap((row): CrossClaim[] => [
    { cell: "single", figure: "cpuUs", row, against: "socketio-redis", most: 1 / 5 },
    { cell: "batched", figure: "cpuUs", row, against: "socketio-redis", most: 1 / 10 },
  ]),
  { cell: "batched", figure: "perSecond", row: "redis-history", against: "redis-script", least: 0.5 },
  { cell: "batched", figure: "perSecond", row: "mesh", against: "raw-mesh", least: 0.6 },
  { cell: "batched", figure: "perSecond", row: "mesh", against: "cluster-ipc", least: 8 },
  { cell: "paced", figure: "p50Ms", row: "redis", against: "ioredis", most: 1.3 },
  { cell: "paced", figure: "p50Ms", row: "mesh", against: "raw-mesh", most: 1.3 },
];

/** The claims for which both rows were measured. */
export function judgeCross(results: CrossResults): CrossVerdict[] {
  return crossClaims.flatMap((claim) => {
    const { cell, figure, row, against, againstCell = cell, most = Infinity, least = 0 } = claim;
    const own = medianOf(results.get(cell)?.get(row) ?? [], figure);
    const theirs = medianOf(results.get(againstCell)?.get(against) ?? [], figure);
    if (own === undefined || theirs === undefined) return [];
    const measured = own / theirs;
    return [{ claim, measured, holds: measured <= most && measured >= least }];
  });
}
