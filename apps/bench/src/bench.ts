import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import type { Arguments } from "./arguments.ts";
import { catalogue } from "./catalogue.ts";
import type { Cell } from "./cells.ts";
import { chart } from "./chart.ts";
import { judge, type Verdict } from "./claims.ts";
import { isForGoClients } from "./go-clients.ts";
import { buildGoClients, buildGorilla } from "./go-programs.ts";
import { Cores } from "./processes.ts";
import { progress } from "./progress.ts";
import { report } from "./report.ts";
import { run, type Results } from "./runner.ts";
import { select } from "./selection.ts";
import { sumOf } from "./stats.ts";
import { digits } from "./table.ts";

/** So often a ratio must be grossly wrong before that is a fault. */
const GROSS_TRIES = 3;

/** Measures, prints and writes what was asked for. @returns whether what upwire must keep to was kept. */
export async function bench(options: Arguments): Promise<boolean> {
  const cells = selectRunnable(options);
  const cores = new Cores();
  if (!cores.areApart) console.error("Server and driver share their cores: ratios are rougher, and latencies say little.");
  const hasGoClients = prepareGoClients(cells);
  const start = performance.now();
  const failures: string[] = [];
  const measure = (wanted: ReadonlyMap<string, Cell>): Promise<Results> =>
    run({
      cells: wanted,
      cores,
      hasGoClients,
      rounds: options.rounds ?? (options.quick || options.check ? 1 : undefined),
      nodeArguments: options.nodeArguments,
      onStep: (step) => {
        progress(step, (performance.now() - start) / 1000);
        if (step.failure !== undefined) failures.push(`${step.cell}, ${step.row}: ${step.failure}`);
      },
    });
  const results = await measure(cells);
  const verdicts = judge(results);
  console.log(`\n${report(cells, results, options.check ? [] : verdicts)}\n`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(plain(cells, results, verdicts), undefined, 2)}\n`);
  const svg = options.svg === undefined ? undefined : chart(results);
  if (options.svg !== undefined && svg !== undefined) writeFileSync(options.svg, svg);

  // First, since it may measure again, and that may fail.
  const gross = options.check ? await grossRatios(verdicts, cells, measure) : [];
  const faults = [...failures, ...faultsIn(results), ...gross];
  for (const fault of faults) console.error(fault);
  return faults.length === 0;
}

function selectRunnable(options: Arguments): Map<string, Cell> {
  const isGo = (row: string): boolean => catalogue[row]?.goArguments !== undefined;
  const wantsGo = [...select(options, () => true).values()].some(({ rows }) => rows.some(isGo));
  const whyNoGo = wantsGo ? buildGorilla() : undefined;
  if (whyNoGo !== undefined) console.error(`The rows in Go are left out: ${whyNoGo}.`);
  return select(options, (row) => whyNoGo === undefined || !isGo(row));
}

function prepareGoClients(cells: ReadonlyMap<string, Cell>): boolean {
  const wanting = [...cells].filter(([, cell]) => isForGoClients(cell)).map(([name]) => name);
  if (wanting.length === 0) return false;
  const whyNot = buildGoClients();
  if (whyNot !== undefined) console.error(`The clients of ${wanting.join(", ")} are those in Node, which have too little time there: ${whyNot}.`);
  return whyNot === undefined;
}

/** A rival may lose messages, and its table says so. We may not, nor may the controls, which judge the driver itself. */
function faultsIn(results: Results): string[] {
  const found: string[] = [];
  for (const [cell, rows] of results) {
    for (const [row, rounds] of rows) {
      if (catalogue[row]?.kind === "rival") continue;
      if (sumOf(rounds, "disorders") > 0) found.push(`${cell}, ${row}: messages out of order`);
      if (sumOf(rounds, "closed") > 0) found.push(`${cell}, ${row}: clients closed that had done nothing wrong`);
      else if (sumOf(rounds, "lost") > 0) found.push(`${cell}, ${row}: messages lost`);
    }
  }
  return found;
}

/** What is wrong whenever it is measured: one bad moment of the machine must not fail anybody's tests. */
async function grossRatios(
  verdicts: readonly Verdict[],
  cells: ReadonlyMap<string, Cell>,
  measure: (wanted: ReadonlyMap<string, Cell>) => Promise<Results>,
): Promise<string[]> {
  let gross = verdicts.filter(({ isGrosslyWrong, claim }) => isGrosslyWrong && claim.figure === "cpuUs" && claim.most === undefined);
  for (let tries = 1; gross.length > 0 && tries < GROSS_TRIES; tries++) {
    const doubted = new Set(gross.map(({ claim }) => claim.cell));
    const again = judge(await measure(new Map([...cells].filter(([name]) => doubted.has(name)))));
    gross = gross.flatMap(({ claim }) => again.find((verdict) => verdict.claim === claim && verdict.isGrosslyWrong) ?? []);
  }
  return gross.map(({ claim, measured }) => {
    const { cell, row, against, factor, share } = claim;
    return `${cell}, ${row} against ${against}: ${digits(measured)} is measured, ${digits(factor ?? share)} is stated`;
  });
}

function plain(cells: ReadonlyMap<string, Cell>, results: Results, verdicts: readonly Verdict[]): object {
  return {
    at: new Date().toISOString(),
    node: process.version,
    kernel: release(),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    cells: Object.fromEntries([...cells].map(([name, { title }]) => [name, { title, rows: Object.fromEntries(results.get(name) ?? []) }])),
    claims: verdicts,
  };
}
