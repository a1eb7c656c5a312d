#!/usr/bin/env node
import { parseArgs } from "node:util";
import { runHandshakes } from "../handshake/run-handshakes.ts";
import type { TableReport } from "../play-table.ts";
import { runConformance, type ConformanceOptions } from "./run-conformance.ts";

const USAGE = `usage: upwire-conformance [options] ws://host:port/path

Plays the WebSocket conformance tables against a server that echoes text as text and binary as binary.
Exit code 1 when it breaks what the RFCs demand, 2 when it cannot be tried.

  --table frames|handshake|all        which table to play (all)
  --subprotocol NAME                  one that the server speaks, for the table of handshakes; may be given again
  --deflate auto|require|off|always   cases of permessage-deflate (auto: if the server agrees to it)
  --concurrency N                     cases at the same time (16)
  --timeout MS                        longest wait for one thing (5000)
  --header "Name: value"              added to every handshake; may be given again
  --strict                            exit code 1 also when a strict case fails
  --why                               say what was wrong, not only the ids`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    table: { type: "string", default: "all" },
    subprotocol: { type: "string", multiple: true, default: [] },
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

const tables: Readonly<Record<string, readonly string[]>> = { frames: ["frames"], handshake: ["handshake"], all: ["frames", "handshake"] };

async function main(url: string | undefined): Promise<number> {
  const concurrency = Number(values.concurrency);
  const timeoutMs = Number(values.timeout);
  const { deflate, subprotocol: subprotocols } = values;
  const chosen = tables[values.table];
  if (url === undefined || values.help || chosen === undefined || !isMode(deflate) || !(concurrency >= 1) || !(timeoutMs >= 1)) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const headers = Object.fromEntries(values.header.map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]));
  let worst = 0;
  for (const table of chosen) {
    const start = performance.now();
    const report =
      table === "frames"
        ? await runConformance(url, { concurrency, timeoutMs, deflate, headers })
        : await runHandshakes(url, { concurrency, timeoutMs, headers, subprotocols });
    worst = Math.max(worst, print(table, report, performance.now() - start));
  }
  return worst;
}

/** Returns the exit code. */
function print(table: string, { groups, failing, passed, total, skipped }: TableReport, ms: number): number {
  for (const { name, passed: good, total: all } of groups) console.log(`${name.padEnd(24)} ${good}/${all}`);
  for (const { id, level, title, why } of failing) console.log(values.why ? `${level}  ${id}: ${title}\n        ${why.join("\n        ")}` : `${level}  ${id}`);
  const needed = table === "frames" ? "the server does not compress" : "no subprotocol of the server is known";
  const left = skipped > 0 ? `, ${skipped} left out: ${needed}` : "";
  const broken = failing.filter(({ level }) => level === "must").length;
  console.log(`${table}: ${passed}/${total} passed in ${(ms / 1000).toFixed(1)} s; ${broken} "must" failed${left}`);
  return broken > 0 || (values.strict && failing.length > 0) ? 1 : 0;
}

try {
  process.exitCode = await main(positionals[0]);
} catch (error) {
  console.error(`upwire-conformance: ${(error as Error).message}`);
  process.exitCode = 2;
}
