import type { Outcome } from "./run-scenario.ts";
import type { Verdict } from "./judge/verdict.ts";
import type { TopicKind } from "./traffic.ts";

const FIGURES: readonly (readonly [heading: string, figure: keyof Verdict])[] = [
  ["acknowledged", "acknowledged"],
  ["local only", "localOnly"],
  ["rejected", "rejected"],
  ["unanswered", "unanswered"],
  ["heard", "heard"],
  ["lost", "lost"],
  ["untold", "untold"],
  ["doubled", "doubled"],
  ["repeated", "repeated"],
  ["inverted", "inverted"],
  ["contradictions", "contradictions"],
  ["gaps", "gaps"],
  ["needless", "needless"],
  ["overstated", "overstated"],
  ["told after ms", "toldLateMs"],
  ["silence ms", "silenceMs"],
  ["in the fault", "stoppedMs"],
];
const KINDS: readonly TopicKind[] = ["log", "live"];
const HEADER = ["scenario", "topics", "rounds", ...FIGURES.map(([heading]) => heading), "down ms", "up ms", "uncaught", "exits", ""];

/** One table: two lines for each scenario, one for topics with history and one for those without. */
export function table(outcomes: readonly Outcome[]): string {
  return layOut([HEADER, ...outcomes.flatMap((outcome) => KINDS.map((kind) => lineOf(outcome, kind)))]);
}

function lineOf(outcome: Outcome, kind: TopicKind): string[] {
  const { scenario, rounds, verdicts, downMs, upMs, uncaught, exits, faults } = outcome;
  const verdict = scenario.isControl ? "control" : faults.length === 0 ? "ok" : "FAILED";
  return [
    scenario.name,
    kind === "log" ? "with history" : "without",
    String(rounds),
    ...FIGURES.map(([, figure]) => inDigits(verdicts[kind][figure])),
    inDigits(downMs),
    inDigits(upMs),
    String(uncaught.length),
    String(exits.length),
    verdict,
  ];
}

function layOut(rows: readonly (readonly string[])[]): string {
  const [header = [], ...body] = rows;
  const widths = header.map((_name, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => (column < 2 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(header), rule, ...body.map(line)].join("\n");
}

function inDigits(value: number | undefined): string {
  return value === undefined ? "" : Math.round(value).toLocaleString("en");
}
