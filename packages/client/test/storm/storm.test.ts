import { describe, expect, it } from "vitest";
import { BACK_WITHIN_MS, MOST_PER_100_MS, simulate } from "./storm.ts";

// `npm run reconnect-storm` does it for each outage and 20 seeds.
describe("10,000 clients that lose their server in one moment", () => {
  it.each([0, 2000])("come back after %i ms within 8 s, and at most 300 in 100 ms", { timeout: 60_000 }, async (outageMs) => {
    const { busiest, backMs } = await simulate(outageMs, 1);
    console.log(`an outage of ${outageMs / 1000} s: busiest 100 ms ${busiest}, 99 % back after ${(backMs / 1000).toFixed(1)} s`);
    expect(busiest).toBeGreaterThan(100);
    expect(busiest).toBeLessThanOrEqual(MOST_PER_100_MS);
    expect(backMs).toBeLessThanOrEqual(BACK_WITHIN_MS);
  });
});
