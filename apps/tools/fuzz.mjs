// npm run fuzz -- [--minutes N | --inputs N] [--seed S] [--at N,N] [name...]: mutated bytes for the built demos, one after
// the other and each in a process of its own. Minutes and inputs are those of all together; without a name, all run.
import { parseArgs } from "node:util";
import { coverageTable, runFuzz, slowPages } from "@upwire/testing";
import { launchDemo } from "./demo-process.mjs";
import { demoNames } from "./demos.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string" }, inputs: { type: "string" }, seed: { type: "string" }, at: { type: "string" } },
});
const names = positionals.length > 0 ? positionals : demoNames;
const stranger = names.find((name) => !demoNames.includes(name));
const limits = [values.minutes, values.inputs, values.seed, ...(values.at?.split(",") ?? [])].filter((text) => text !== undefined);
if (stranger !== undefined || limits.some((text) => !(Number(text) >= 0))) {
  console.error(`npm run fuzz -- [--minutes N | --inputs N] [--seed S] [--at N,N] [${demoNames.join(" | ")}]...`);
  process.exit(2);
}

const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const share = (text) => Math.ceil(Number(text) / names.length);
const limit =
  values.at !== undefined
    ? { only: values.at.split(",").map(Number) }
    : values.inputs !== undefined
      ? { inputs: share(values.inputs) }
      : { minutes: Number(values.minutes ?? 1) / names.length };

let inputs = 0;
let findings = 0;
let withSomethingBefore = 0;
const states = [];
for (const name of names) {
  const report = await fuzzDemo(name);
  inputs += report.inputs;
  findings += report.findings.length;
  withSomethingBefore += report.withSomethingBefore;
  states.push(...report.states);
}
console.log(coverageTable(states));
console.log(`${count(inputs)} fuzzed inputs, ${count(withSomethingBefore)} of them with something before the upgrade, ${findings} findings, seed ${seed}`);
process.exitCode = findings > 0 ? 1 : 0;

async function fuzzDemo(name) {
  let demo = await launchDemo(name, { quiet: true });
  const rssAtStart = await demo.rss();
  const report = await runFuzz(demo.url, {
    seed,
    ...limit,
    pages: { quick: "/healthz", ...slowPages },
    faults: () => demo.faults(),
    restart: async () => {
      // It may hang, and then it hears nothing.
      demo.kill();
      demo = await launchDemo(name, { quiet: true });
      return demo.url;
    },
  });
  const uncaught = await demo.faults().catch(() => ["the process has ended"]);
  const rssAtEnd = await demo.rss().catch(() => 0);
  demo.kill();
  console.log(
    `${name.padEnd(18)} ${count(report.inputs)} inputs (${Math.round(report.inputs / report.seconds)}/s), ${count(report.probes)} good clients served, ` +
      `${report.findings.length} findings, ${uncaught.length} uncaught errors, RSS ${mebibytes(rssAtStart)} to ${mebibytes(rssAtEnd)} MiB, seed ${seed}`,
  );
  for (const { why, times, inputs: guilty } of report.findings) {
    console.log(`  ${why} (${times} times)\n  npm run fuzz -- --seed ${seed} --at ${guilty.join(",")} ${name}`);
  }
  for (const error of uncaught) console.log(`  ${error}`);
  return { ...report, findings: [...report.findings, ...uncaught] };
}

function count(number) {
  return number.toLocaleString("en-US");
}

function mebibytes(bytes) {
  return Math.round(bytes / 1024 / 1024);
}
