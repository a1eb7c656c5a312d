import { describe, expect, it } from "vitest";
import { ModelFault } from "./journal.ts";
import { plantedFaults } from "./plants.ts";
import { runModel } from "./run-model.ts";

/** Enough for each fault to show. */
const STEPS = 3000;

describe("a model that cannot fail proves nothing: it finds", () => {
  it.each(plantedFaults)("$name", { timeout: 60_000 }, async ({ plant, rules }) => {
    const outcome = await runModel({ seed: 1, steps: STEPS, broker: "memory", plant }).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(ModelFault);
    expect(rules).toContain((outcome as ModelFault).rule);
  });
});
