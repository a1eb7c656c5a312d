import { expect, it } from "vitest";
import { runModel } from "./run-model.ts";

const steps = Number(process.env["MODEL_STEPS"] ?? 1000);
const seeds = (process.env["MODEL_SEEDS"] ?? "1,2").split(",").map(Number);

for (const broker of ["memory", "hostile"] as const) {
  it.each(seeds)(`loses nothing on ${broker}, seed %i`, { timeout: 1_800_000 }, async (seed) => {
    const begun = performance.now();
    const counts = await runModel({ seed, steps, broker });
    console.log(broker, seed, Math.round(performance.now() - begun), "ms", JSON.stringify(counts));
    expect(counts.delivered).toBeGreaterThan(0);
  });
}
