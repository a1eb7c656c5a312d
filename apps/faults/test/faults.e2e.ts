import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { redisMissing } from "@upwire/testing/redis";
import { expect, it } from "vitest";
import type { Verdict } from "../src/judge/verdict.ts";

// As it was built: its nodes are processes of their own.
const program = fileURLToPath(new URL("../dist/faults.js", import.meta.url));
const missing = redisMissing();

interface Told {
  readonly scenario: { readonly name: string };
  readonly verdicts: { readonly log: Verdict; readonly live: Verdict };
  readonly faults: readonly string[];
}

/** The short form: one round of few messages. `npm run faults` is the long one. */
async function faults(...names: string[]): Promise<readonly Told[]> {
  const file = join(tmpdir(), `faults-${process.pid}-${names[0]}.json`);
  try {
    const child = spawn(process.execPath, [program, "--only", names.join(","), "--messages", "400", "--seed", "15", "--json", file], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    expect(output + errors).toContain("| scenario ");
    return (JSON.parse(readFileSync(file, "utf8")) as { outcomes: readonly Told[] }).outcomes;
  } finally {
    rmSync(file, { force: true });
  }
}

function expectUnharmed(outcomes: readonly Told[], names: readonly string[]): void {
  expect(outcomes.map(({ scenario }) => scenario.name)).toEqual(names);
  expect(outcomes.flatMap((outcome) => outcome.faults)).toEqual([]);
  for (const { verdicts } of outcomes) {
    // It was no round without traffic.
    expect(verdicts.log.heard).toBeGreaterThan(500);
    expect(verdicts.live.heard).toBeGreaterThan(500);
  }
}

it("loses nothing, and tells everything, on the mesh", { timeout: 120_000 }, async () => {
  const names = ["mesh-home-drained"];
  expectUnharmed(await faults(...names), names);
});

it.skipIf(missing !== undefined)(
  `loses nothing, and tells everything, on Redis${missing === undefined ? "" : `: ${missing}`}`,
  { timeout: 120_000 },
  async () => {
    const names = ["redis-kill-always"];
    expectUnharmed(await faults(...names), names);
  },
);
