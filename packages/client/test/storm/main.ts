import { BACK_WITHIN_MS, MOST_PER_100_MS, outages, simulate } from "./storm.ts";

const SEEDS = 20;

console.log(`10,000 clients, spreadMs 4,000, ${SEEDS} seeds: the worst of each outage`);
for (const outage of outages) {
  let busiest = 0;
  let backMs = 0;
  let tries = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const storm = await simulate(outage, seed);
    busiest = Math.max(busiest, storm.busiest);
    backMs = Math.max(backMs, storm.backMs);
    tries += storm.tries / SEEDS / 10_000;
  }
  const holds = busiest <= MOST_PER_100_MS && backMs <= BACK_WITHIN_MS;
  console.log(
    `${String(outage / 1000).padStart(3)} s: busiest 100 ms ${busiest}, 99 % back after ${(backMs / 1000).toFixed(1)} s, ${tries.toFixed(1)} tries each${holds ? "" : "  TOO MUCH"}`,
  );
  if (!holds) process.exitCode = 1;
}
