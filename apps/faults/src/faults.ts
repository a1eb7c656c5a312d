// npm run faults: does every harm to brokers and nodes while messages flow, and judges what was told. Exits with 1 when a bound is broken.
import { writeFileSync } from "node:fs";
import { redisMissing } from "@upwire/testing/redis";
import { readArguments, usage, type Arguments } from "./arguments.ts";
import { runScenario, type Outcome } from "./run-scenario.ts";
import { scenarios } from "./scenarios/index.ts";
import { table } from "./table.ts";

const names = scenarios.map(({ name }) => name);
let options: Arguments;
try {
  options = readArguments(process.argv.slice(2), names);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage(names)}`);
  process.exit(2);
}
process.exitCode = (await faults(options)) ? 0 : 1;

/** @returns whether every bound held. */
async function faults({ rounds, messages, seed, only, json }: Arguments): Promise<boolean> {
  const missing = redisMissing();
  const wanted = scenarios.filter(({ name, redis }) => only.includes(name) && (redis === undefined || missing === undefined));
  if (missing !== undefined)
    console.log(`Left out: ${names.filter((name) => only.includes(name) && !wanted.some((one) => one.name === name)).join(", ")}: ${missing}`);
  console.log(`seed ${seed}, ${rounds} ${rounds === 1 ? "round" : "rounds"} of ${messages} messages each`);
  const outcomes: Outcome[] = [];
  for (const scenario of wanted) {
    console.log(`\n${scenario.name}: ${scenario.about}`);
    const start = performance.now();
    const outcome = await runScenario(scenario, { rounds, messages, seed, onRound: (round, found) => tellRound(round, found) });
    outcomes.push(outcome);
    console.log(
      `  ${((performance.now() - start) / 1000).toFixed(0)} s${outcome.reasons.size > 0 ? `; rejected: ${[...outcome.reasons].map(([why, count]) => `${why} ${count}`).join(", ")}` : ""}`,
    );
  }
  console.log(`\n${table(outcomes)}`);
  const broken = outcomes.flatMap(({ scenario, faults: found }) => found.map((fault) => `${scenario.name}, ${fault}`));
  if (broken.length > 0) console.log(`\nFAILED (seed ${seed}):\n${broken.map((line) => line.slice(0, 500)).join("\n")}`);
  if (json !== undefined)
    writeFileSync(
      json,
      `${JSON.stringify({ seed, rounds, messages, outcomes: outcomes.map(({ reasons, ...rest }) => ({ ...rest, reasons: [...reasons] })) }, undefined, 2)}\n`,
    );
  return broken.length === 0;
}

function tellRound(round: number, found: readonly string[]): void {
  console.log(`  round ${round}: ${found.length === 0 ? "ok" : found.map((fault) => fault.split("\n", 1)[0]).join("; ")}`);
}
