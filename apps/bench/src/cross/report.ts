import { digits, table } from "../table.ts";
import { crossCells } from "./cells.ts";
import type { CrossClaim, CrossVerdict } from "./claims.ts";
import type { CrossFigures } from "./measure.ts";
import { medianOf, type CrossResults } from "./results.ts";
import { crossRows } from "./rows/index.ts";

/** The row that the others are divided by. */
const BASE = "ioredis";
const COLUMNS: readonly (readonly [name: string, figure: keyof CrossFigures])[] = [
  ["CPU µs", "cpuUs"],
  ["publisher", "publisherUs"],
  ["subscriber", "subscriberUs"],
  ["Redis µs", "brokerUs"],
  ["read B", "readBytes"],
  ["per s", "perSecond"],
  ["p50 ms", "p50Ms"],
  ["p99 ms", "p99Ms"],
  ["lost", "lost"],
  ["disorder", "disorders"],
];

/** One table for each cell, and one of what is stated. */
export function crossReport(results: CrossResults, verdicts: readonly CrossVerdict[]): string {
  const parts: string[] = [];
  for (const [name, rows] of results) {
    const measured = [...rows].filter(([, rounds]) => rounds.length > 0);
    if (measured.length === 0) continue;
    const base = medianOf(rows.get(BASE) ?? [], "cpuUs");
    const lines = measured.map(([row, rounds]) => [
      crossRows[row]?.label ?? row,
      ...COLUMNS.map(([, figure]) => digits(medianOf(rounds, figure))),
      base === undefined ? "" : digits((medianOf(rounds, "cpuUs") ?? Number.NaN) / base),
    ]);
    parts.push(`${name}: ${crossCells[name]?.title}\n\n${table(["", ...COLUMNS.map(([title]) => title), `CPU / ${BASE}`], lines)}`);
  }
  if (verdicts.length > 0) parts.push(`What is stated\n\n${verdictTable(verdicts)}`);
  return parts.join("\n\n");
}

function verdictTable(verdicts: readonly CrossVerdict[]): string {
  return table(
    ["cell", "figure", "row", "against", "stated", "measured", ""],
    verdicts.map(({ claim, measured, holds }) => [
      claim.cell,
      claim.figure,
      claim.row,
      claim.against,
      stated(claim),
      digits(measured),
      holds ? "holds" : "misses",
    ]),
  );
}

function stated({ most, least }: CrossClaim): string {
  return most === undefined ? `at least ${digits(least)} x` : `at most ${digits(most)} x`;
}
