import { it } from "vitest";
import { Session } from "node:inspector/promises";
import { writeFileSync } from "node:fs";
import { runModel } from "./run-model.ts";
it("prof", { timeout: 60_000 }, async () => {
  await runModel({ seed: 7, steps: 300, broker: "memory" });
  const session = new Session(); session.connect();
  await session.post("Profiler.enable"); await session.post("Profiler.start");
  const t = performance.now(), c = process.cpuUsage();
  await runModel({ seed: 8, steps: 2000, broker: "memory" });
  console.log(performance.now() - t, process.cpuUsage(c));
  const { profile } = await session.post("Profiler.stop");
  writeFileSync("/tmp/broker-prof.json", JSON.stringify(profile));
});
