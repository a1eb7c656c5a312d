import { catalogue } from "./catalogue.ts";
import type { Cell } from "./cells.ts";
import type { Claim, Verdict } from "./claims.ts";
import { isDriverBound, type Figures } from "./driver/job.ts";
import type { Results } from "./runner.ts";
import { medianOf, shareOf, spreadOf, sumOf, type Rounds } from "./stats.ts";
import { digits, table } from "./table.ts";

const BASE = "ws";

interface Column {
  readonly name: string;
  readonly text: (rounds: Rounds, base: Rounds) => string;
}

const figure = (name: string, key: keyof Figures, scale = 1): Column => ({
  name,
  text: (rounds) => {
    const value = medianOf(rounds, key);
    return value === undefined ? "" : digits(value * scale);
  },
});
const ratio = (name: string, key: keyof Figures): Column => ({
  name,
  text: (rounds, base) => {
    const ours = medianOf(rounds, key);
    const theirs = medianOf(base, key);
    return ours === undefined || theirs === undefined ? "" : `${digits(theirs / ours)} x`;
  },
});
const shareColumn = (name: string, key: keyof Figures): Column => ({ name, text: (rounds, base) => digits(shareOf(rounds, base, key)) });
const aboveColumn = (base: string, key: keyof Figures): Column => ({
  name: `above ${base}`,
  text: (rounds, others) => digits((medianOf(rounds, key) ?? Number.NaN) - (medianOf(others, key) ?? Number.NaN)),
});
const spread = (key: keyof Figures): Column => ({
  name: "spread",
  text: (rounds) => {
    const share = spreadOf(rounds, key);
    return share === undefined ? "" : `${(share * 100).toFixed(0)} %`;
  },
});
const count = (name: string, key: "lost" | "disorders" | "closed"): Column => ({ name, text: (rounds) => digits0(sumOf(rounds, key)) });
const server: Column = figure("server %", "serverShare", 100);
const driver: Column = {
  name: "driver %",
  text: (rounds) => `${digits((medianOf(rounds, "driverShare") ?? 0) * 100)}${rounds.some(isDriverBound) ? " (!)" : ""}`,
};

const LATENCIES = [figure("p50 ms", "p50Ms"), figure("p99 ms", "p99Ms"), figure("p99.9 ms", "p999Ms")];
const FAULTS = [count("lost", "lost"), count("disorder", "disorders"), count("closed", "closed"), server, driver];
const traffic = (...comparison: readonly Column[]): Column[] => [
  figure("CPU µs", "cpuUs"),
  spread("cpuUs"),
  ...comparison,
  figure("user µs", "userUs"),
  figure("k/s", "perSecond", 1e-3),
  ...LATENCIES,
  figure("per read", "perRead"),
  figure("RSS MB", "rssMb"),
];

const STOPPED = [figure("RSS growth MB", "rssGrowthMb"), figure("stopped closed", "stoppedClosed")];
const MEMORY = [figure("B/connection", "bytesPerConnection"), ratio(`${BASE} / it`, "bytesPerConnection"), figure("RSS MB", "rssMb")];

const TRAFFIC = traffic(ratio(`${BASE} / it`, "cpuUs"));

function columnsFor({ workload, load, base = BASE }: Cell): readonly Column[] {
  switch (workload.kind) {
    case "closed":
      return [
        ...(base === BASE ? TRAFFIC : traffic(shareColumn(`it / ${base}`, "cpuUs"))),
        ...(load.deflate ? [figure("wire B", "compressedBytes")] : []),
        ...FAULTS,
      ];
    case "rate":
      return [...TRAFFIC, ...(workload.stopped > 0 ? STOPPED : []), ...FAULTS];
    case "idle":
      return [...MEMORY, ...FAULTS];
    case "connect":
      return [...TRAFFIC.slice(0, 5), ...FAULTS];
    case "heap":
      return [figure("heap B/connection", "heapPerConnection"), aboveColumn(base, "heapPerConnection"), figure("RSS MB", "rssMb"), ...FAULTS.slice(0, 3)];
    case "resume":
      return [...traffic(ratio(`${base} / it`, "cpuUs")).slice(0, 7), figure("RSS MB", "rssMb"), ...FAULTS];
  }
  return unknown(workload);
}

function unknown(what: never): never {
  throw new TypeError(`unknown: ${JSON.stringify(what)}`);
}

/** One table for each cell, and one of what is stated. */
export function report(cells: ReadonlyMap<string, Cell>, results: Results, verdicts: readonly Verdict[]): string {
  const parts: string[] = [];
  for (const [name, cell] of cells) {
    const rows = [...(results.get(name) ?? [])].filter(([, rounds]) => rounds.length > 0);
    if (rows.length === 0) continue;
    const base = results.get(name)?.get(cell.base ?? BASE) ?? [];
    const columns = columnsFor(cell);
    const lines = rows.map(([row, rounds]) => [labelOf(row), ...columns.map(({ text }) => text(rounds, base))]);
    parts.push(`${name}: ${cell.title}\n\n${table(["", ...columns.map((column) => column.name)], lines)}`);
  }
  if (verdicts.length > 0) parts.push(`What is stated for upwire\n\n${verdictTable(verdicts)}`);
  return parts.join("\n\n");
}

const NAMES: Partial<Record<keyof Figures, string>> = {
  cpuUs: "CPU",
  userUs: "user CPU",
  p50Ms: "p50",
  p99Ms: "p99",
  bytesPerConnection: "memory",
  heapPerConnection: "heap",
  rssGrowthMb: "RSS growth",
};

function verdictTable(verdicts: readonly Verdict[]): string {
  return table(
    ["cell", "figure", "row", "against", "stated", "measured", ""],
    verdicts.map(({ claim, measured, holds }) => [
      claim.cell,
      NAMES[claim.figure] ?? claim.figure,
      claim.row,
      claim.against,
      stated(claim),
      digits(measured),
      holds ? "holds" : "misses",
    ]),
  );
}

function stated({ factor, share, above, most }: Claim): string {
  if (factor !== undefined) return `at least ${digits(factor)} x less`;
  if (above !== undefined) return `at most ${digits(above)} B more`;
  return most === undefined ? `at most ${digits(share)} of it` : `at most ${digits(most)}`;
}

function labelOf(row: string): string {
  return catalogue[row]?.label ?? row;
}

function digits0(value: number): string {
  return Math.round(value).toLocaleString("en");
}
