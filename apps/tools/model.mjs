// Plays the long form of the model of topics: `npm run model -- --seeds 20 --steps 10000`, or one seed again with `--seed 7`.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    steps: { type: "string", default: "10000" },
    /** Only this one. */
    seed: { type: "string" },
    /** `memory` or `hostile`. */
    broker: { type: "string" },
    /** Prints every message, note and step that this pattern matches. */
    trace: { type: "string" },
  },
});

const env = {
  ...process.env,
  MODEL_SEEDS: values.seed === undefined ? values.seeds : "1",
  MODEL_FIRST_SEED: values.seed ?? "1",
  MODEL_STEPS: values.steps,
  ...(values.trace !== undefined && { MODEL_TRACE: values.trace }),
};
const only = values.broker === undefined ? [] : ["-t", `${values.broker} broker`];
const args = [
  "vitest",
  "run",
  "--disable-console-intercept",
  "--config",
  "apps/tools/vitest.config.ts",
  "--project",
  "unit",
  "packages/realtime/test/model/model.test.ts",
  ...only,
];
const { status } = spawnSync("npx", args, { cwd: fileURLToPath(new URL("../..", import.meta.url)), env, stdio: "inherit" });
process.exitCode = status ?? 1;
