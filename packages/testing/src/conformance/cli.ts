#!/usr/bin/env node
import { parseArgs } from "node:util";
import { runConformance, type ConformanceOptions } from "./run-conformance.ts";

const USAGE = `usage: upwire-conformance [options] ws://host:port/path

Plays the WebSocket conformance table against a server that echoes text as text and binary as binary.
Exit code 1 when it breaks what the RFCs demand, 2 when it cannot be tried.

  --deflate auto|require|off|always   cases of permessage-deflate (auto: if the server agrees to it)
  --concurrency N                     cases at the same time (16)
  --timeout MS                        longest wait for one thing (5000)
  --header "Name: value"              added to every handshake; may be given again
  --strict                            exit code 1 also when a strict case fails
  --why                               say what was wrong, not only the ids`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    deflate: { type: "string", default: "auto" },
    concurrency: { type: "string", default: "16" },
    timeout: { type: "string", default: "5000" },
    header: { type: "string", multiple: true, default: [] },
    strict: { type: "boolean", default: false },
    why: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const isMode = (mode: string): mode is NonNullable<ConformanceOptions["deflate"]> => ["auto", "require", "off", "always"].includes(mode);

async function main(url: string | undefined): Promise<number> {
  const concurrency = Number(values.concurrency);
  const timeoutMs = Number(values.timeout);
  if (url === undefined || values.help || !isMode(values.deflate) || !(concurrency >= 1) || !(timeoutMs >= 1)) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const headers = Object.fromEntries(
    values.header.map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const start = performance.now();
  const report = await runConformance(url, { concurrency, timeoutMs, deflate: values.deflate, headers });
  for (const { name, passed, total } of report.groups) console.log(`${name.padEnd(24)} ${passed}/${total}`);
  for (const { id, level, title, why } of report.failing) console.log(values.why ? `${level}  ${id}: ${title}\n        ${why.join("\n        ")}` : `${level}  ${id}`);
  const left = report.skipped > 0 ? `, ${report.skipped} left out: the server does not compress` : "";
  const broken = report.failing.filter(({ level }) => level === "must").length;
  console.log(`${report.passed}/${report.total} passed in ${((performance.now() - start) / 1000).toFixed(1)} s; ${broken} "must" failed${left}`);
  return broken > 0 || (values.strict && report.failing.length > 0) ? 1 : 0;
}

try {
  process.exitCode = await main(positionals[0]);
} catch (error) {
  console.error(`upwire-conformance: ${(error as Error).message}`);
  process.exitCode = 2;
}
