import { describe, expect, it } from "vitest";
import { Counts } from "./journal.ts";
import type { BrokerName } from "./process.ts";
import { runModel } from "./run-model.ts";

/** Short here; `npm run model -- --seeds 20 --steps 10000` is the long form. */
const steps = Number(process.env["MODEL_STEPS"] ?? 500);
const seeds = Number(process.env["MODEL_SEEDS"] ?? 3);
const firstSeed = Number(process.env["MODEL_FIRST_SEED"] ?? 1);
const brokers: readonly BrokerName[] = ["memory", "hostile"];

describe.each(brokers)("topics on the %s broker lose, double and misorder nothing, or tell it at its place", (broker) => {
  const sum = new Counts();

  it.each(Array.from({ length: seeds }, (_, at) => firstSeed + at))("seed %i", { timeout: 600_000 }, async (seed) => {
    const counts = await runModel({ seed, steps, broker });
    for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name];
  });

  it("has gone through everything that it is about", () => {
    // oxlint-disable-next-line no-console -- the figures of the run
    console.log(`${broker}, ${seeds} seeds of ${steps} steps: ${JSON.stringify(sum)}`);
    // A server need not send anything twice, and connections in memory do not break by themselves.
    const { dropped: _, broken: __, ...seen } = sum;
    expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([]);
  });
});
