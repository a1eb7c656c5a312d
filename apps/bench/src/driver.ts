// The clients, in a process of their own: one job after another, by messages from the benchmark.
import type { Job } from "./driver/job.ts";
import { measure } from "./driver/measure.ts";

process.on("message", (job: Job) => {
  measure(job).then(
    (figures) => process.send?.({ figures }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on("disconnect", () => process.exit());
