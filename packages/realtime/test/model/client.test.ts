import { describe, expect, it } from "vitest";
import { ClientRun } from "./client-run.ts";

const steps = Number(process.env["MODEL_STEPS"] ?? 500);
const seeds = Number(process.env["MODEL_SEEDS"] ?? 2);
const firstSeed = Number(process.env["MODEL_FIRST_SEED"] ?? 1);

describe.each(["memory", "hostile"] as const)("the real client on the %s broker loses, doubles and misorders nothing, or tells it", (broker) => {
  it.each(Array.from({ length: seeds }, (_, at) => firstSeed + at))("seed %i", { timeout: 600_000 }, async (seed) => {
    const { delivered, resumed, settled } = await new ClientRun(seed, broker).run(steps);
    expect(Math.min(delivered, resumed, settled)).toBeGreaterThan(0);
  });
});
