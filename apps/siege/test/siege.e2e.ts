import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { Row } from "../src/scenario.ts";

// As it was built: its servers are processes of their own.
const program = fileURLToPath(new URL("../dist/siege.js", import.meta.url));

async function siege(...args: string[]): Promise<{ status: number; output: string }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { status: status as number, output: output + errors };
}

/** Figures that a busy machine does not change. */
const COUNTED = [
  "closed with 1011",
  "reported to onError",
  "close hooks called",
  "connections left",
  "sockets left",
  "members and rooms left in the hub",
  "uncaught errors",
  "good client not served after",
];

it("attacks a variant and writes down what it measured", { timeout: 90_000 }, async () => {
  const file = join(tmpdir(), `siege-${process.pid}.json`);
  try {
    const { output } = await siege("--only", "throws,churn", "--variants", "node", "--json", file);
    const { full, rows } = JSON.parse(readFileSync(file, "utf8")) as { full: boolean; rows: Row[] };
    expect(full).toBe(false);
    const counted = rows.filter(({ figure, bound }) => bound !== undefined && COUNTED.includes(figure));
    expect(new Set(counted.map(({ figure }) => figure))).toEqual(new Set(COUNTED));
    expect(counted.filter(({ ok }) => !ok)).toEqual([]);
    expect(output).toMatch(/throws\s+node\s+closed with 1011\s+1000\s+= 1000\s+ok/);
    expect(output).toContain("by scaled-down figures");
  } finally {
    rmSync(file, { force: true });
  }
});

it("brings all clients back from a restart with every message once, and tells them of a kill", { timeout: 90_000 }, async () => {
  const file = join(tmpdir(), `siege-restart-${process.pid}.json`);
  try {
    await siege("--only", "restart,killed", "--variants", "node", "--json", file);
    const { rows } = JSON.parse(readFileSync(file, "utf8")) as { rows: Row[] };
    const judged = rows.filter(({ bound }) => bound !== undefined);
    expect(judged.filter(({ ok }) => !ok)).toEqual([]);
    const resumed = judged.filter(({ figure }) => figure === "subscriptions resumed").map(({ scenario, value }) => [scenario, value]);
    expect(resumed).toEqual([
      ["restart", 200],
      ["killed", 0],
    ]);
  } finally {
    rmSync(file, { force: true });
  }
});

it("says what it was asked in vain", async () => {
  await expect(siege("--only", "rain")).resolves.toEqual({ status: 2, output: expect.stringContaining('There is no scenario "rain"') as string });
  await expect(siege("--soak-minutes", "long")).resolves.toMatchObject({ status: 2 });
  await expect(siege("--fast")).resolves.toEqual({ status: 2, output: expect.stringContaining("Usage: npm run siege") as string });
});
