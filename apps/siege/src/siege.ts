// npm run siege: attacks every server variant and judges it by what it measures. Exits with 1 when a bound is broken.
import { writeFileSync } from "node:fs";
import { controlNames } from "./controls.ts";
import { bombScenario } from "./scenarios/bomb.ts";
import { churn } from "./scenarios/churn.ts";
import { crowded } from "./scenarios/crowded.ts";
import { fragments } from "./scenarios/fragments.ts";
import { halfOpen } from "./scenarios/half-open.ts";
import { inflate } from "./scenarios/inflate.ts";
import { pings } from "./scenarios/pings.ts";
import { killed, restart } from "./scenarios/restart.ts";
import { slow } from "./scenarios/slow.ts";
import { stalled } from "./scenarios/stalled.ts";
import { stream } from "./scenarios/stream.ts";
import { throws } from "./scenarios/throws.ts";
import { Attack, type Row, type Scenario } from "./scenario.ts";
import { readSettings, SettingsError, type Settings } from "./settings.ts";
import { heading, printRow } from "./table.ts";
import { variantNames } from "./variants.ts";

const scenarios: readonly Scenario[] = [stalled, crowded, fragments, bombScenario(), inflate, slow, halfOpen, pings, throws, stream, churn, restart, killed];

try {
  const settings = readSettings(process.argv.slice(2), { scenarios: scenarios.map(({ name }) => name), variants: variantNames });
  process.exitCode = (await siege(settings)) ? 0 : 1;
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error);
  process.exitCode = 2;
}

/** @returns whether every bound held. */
async function siege(settings: Settings): Promise<boolean> {
  warnOfFewFiles(settings.full);
  console.log(settings.full ? "The full figures." : "Quick: scaled-down figures. --full for those of the README.");
  const rows: Row[] = [];
  const seconds: Record<string, number> = {};
  for (const scenario of scenarios.filter(({ name }) => settings.only.includes(name))) {
    const start = performance.now();
    console.log(`\n${scenario.name}: ${scenario.about(settings)}\n${heading()}`);
    rows.push(...(await attackAll(scenario, settings)));
    seconds[scenario.name] = Math.round((performance.now() - start) / 1000);
    console.log(`${" ".repeat(10)}${seconds[scenario.name]} s`);
  }
  const failed = rows.filter(({ ok }) => !ok);
  const judged = rows.filter(({ bound }) => bound !== undefined).length;
  if (failed.length > 0) console.log(`\nFAILED:\n${failed.map(printRow).join("\n")}`);
  console.log(`\n${judged - failed.length} ok, ${failed.length} FAILED${settings.full ? "" : ", by scaled-down figures"}`);
  if (settings.json !== undefined) {
    writeFileSync(settings.json, `${JSON.stringify({ full: settings.full, node: process.version, seconds, rows }, undefined, 2)}\n`);
  }
  return failed.length === 0;
}

async function attackAll(scenario: Scenario, settings: Settings): Promise<readonly Row[]> {
  const attackOne = async (name: string): Promise<readonly Row[]> => {
    const rows = await new Attack(scenario.name, name, settings, controlNames.includes(name)).run(scenario);
    for (const row of rows) console.log(printRow(row));
    return rows;
  };
  if (scenario.together(settings)) return (await Promise.all(settings.variants.map(attackOne))).flat();
  const rows: Row[] = [];
  for (const name of [...settings.variants, ...(scenario.controls ?? [])]) rows.push(...(await attackOne(name)));
  return rows;
}

/** Every client is a file of this process. */
function warnOfFewFiles(full: boolean): void {
  const needed = full ? 16_000 : 4000;
  const { userLimits } = process.report.getReport() as { readonly userLimits?: { readonly open_files?: { readonly soft: number | string } } };
  const allowed = Number(userLimits?.open_files?.soft);
  if (allowed < needed) console.log(`Only ${allowed} files may be open (ulimit -n), ${needed} are needed: what fails below may be this limit.`);
}
