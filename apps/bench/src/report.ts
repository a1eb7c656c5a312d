import { catalogue } from "./catalogue.ts";
import type { Cell } from "./cells.ts";
import type { Verdict } from "./claims.ts";
import { isDriverBound, type Figures } from "./driver/job.ts";
import type { Results } from "./runner.ts";
import { medianOf, spreadOf, sumOf, type Rounds } from "./stats.ts";
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
const TRAFFIC = [
  figure("CPU µs", "cpuUs"),
  spread("cpuUs"),
  ratio(`${BASE} / it`, "cpuUs"),
  figure("user µs", "userUs"),
  figure("k/s", "perSecond", 1e-3),
  ...LATENCIES,
  figure("per read", "perRead"),
  figure("RSS MB", "rssMb"),
];

const STOPPED = [figure("RSS growth MB", "rssGrowthMb"), figure("stopped closed", "stoppedClosed")];
const MEMORY = [figure("B/connection", "bytesPerConnection"), ratio(`${BASE} / it`, "bytesPerConnection"), figure("RSS MB", "rssMb")];

function columnsFor({ workload, load }: Cell): readonly Column[] {
  switch (workload.kind) {
    case "closed":
      return [...TRAFFIC, ...(load.deflate ? [figure("wire B", "compressedBytes")] : []), ...FAULTS];
    case "rate":
      return [...TRAFFIC, ...(workload.stopped > 0 ? STOPPED : []), ...FAULTS];
    case "idle":
      return [...MEMORY, ...FAULTS];
    case "connect":
      return [...TRAFFIC.slice(0, 5), ...FAULTS];
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
    const base = results.get(name)?.get(BASE) ?? [];
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
      claim.factor === undefined ? `at most ${digits(claim.share)} of it` : `at least ${digits(claim.factor)} x less`,
      digits(measured),
      holds ? "holds" : "misses",
    ]),
  );
}

function labelOf(row: string): string {
  return catalogue[row]?.label ?? row;
}

function digits0(value: number): string {
  return Math.round(value).toLocaleString("en");
}
