#!/usr/bin/env node
import { parseArgs } from "node:util";
import { coverageTable } from "./coverage.ts";
import { runFuzz } from "./run-fuzz.ts";

const USAGE = `usage: upwire-fuzz [options] ws://host:port/path

Sends mutated frames, handshakes and requests before them to a server that echoes, judges what comes back, and checks all the time that a good
client is served. Exit code 1 on a finding, 2 when it cannot be tried.

  --inputs N               ends after so many inputs (10000)
  --minutes N              ends after so long
  --seed S                 the same seed gives the same inputs (random)
  --at N[,N...]            only these inputs of the seed, on one connection: to see a finding again
  --concurrency N          connections at the same time (128)
  --timeout MS             longest wait for one thing (10000)
  --page PATH              a page to ask for before an upgrade, on the same connection (/)
  --v1                     the server speaks upwire.v1 to who offers it, and echoes to others: most inputs are messages of that
  --any-origin             the server lets every page in: a 101 for a foreign Origin is no finding
  --header "Name: value"   added to every handshake; may be given again`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    inputs: { type: "string" },
    minutes: { type: "string" },
    seed: { type: "string" },
    at: { type: "string" },
    concurrency: { type: "string", default: "128" },
    timeout: { type: "string", default: "10000" },
    page: { type: "string", default: "/" },
    header: { type: "string", multiple: true, default: [] },
    "any-origin": { type: "boolean", default: false },
    v1: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** @throws RangeError for what is no number. */
function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new RangeError(`--${name} ${text} is no number`);
  return value;
}

async function main(url: string | undefined): Promise<number> {
  if (url === undefined || values.help) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const report = await runFuzz(url, {
    concurrency: numberOf("concurrency", values.concurrency),
    timeoutMs: numberOf("timeout", values.timeout),
    pages: { quick: values.page },
    anyOrigin: values["any-origin"],
    v1: values.v1,
    headers: Object.fromEntries(values.header.map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()])),
    ...(values.inputs === undefined ? {} : { inputs: numberOf("inputs", values.inputs) }),
    ...(values.minutes === undefined ? {} : { minutes: numberOf("minutes", values.minutes) }),
    ...(values.seed === undefined ? {} : { seed: numberOf("seed", values.seed) }),
    ...(values.at === undefined ? {} : { only: values.at.split(",").map((number) => numberOf("at", number)) }),
  });
  console.log(coverageTable(report.states));
  const { inputs, withSomethingBefore, connections, probes, findings, outcomes, seconds, seed } = report;
  for (const [outcome, count] of Object.entries(outcomes)) console.log(`${outcome.padEnd(28)} ${count}`);
  for (const finding of findings) console.log(`finding: ${finding.why} (${finding.times} times)\n         --seed ${seed} --at ${finding.inputs.join(",")}`);
  console.log(
    `${inputs} inputs (${withSomethingBefore} with something before the upgrade) on ${connections} connections in ${seconds.toFixed(1)} s (${Math.round(inputs / seconds)}/s), ` +
      `${probes} good clients served meanwhile, ${findings.length} findings, seed ${seed}`,
  );
  return findings.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(positionals[0]);
} catch (error) {
  console.error(`upwire-fuzz: ${(error as Error).message}`);
  process.exitCode = 2;
}
