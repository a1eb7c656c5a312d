import { expect, it } from "vitest";
import { Counts } from "./journal.ts";
import { runModel } from "./run-model.ts";

it("topics over TCP that breaks anywhere lose, double and misorder nothing, or tell it", { timeout: 60_000 }, async () => {
  const sum = new Counts();
  for (const seed of [1, 2]) {
    const counts = await runModel({ seed, steps: 300, broker: "memory", over: "sockets" });
    for (const name of ["broken", "replayed", "cutsInMidFrame", "settled"] as const) sum[name] += counts[name];
  }
  expect(Math.min(sum.broken, sum.replayed, sum.cutsInMidFrame, sum.settled)).toBeGreaterThan(0);
});
