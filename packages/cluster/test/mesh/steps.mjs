// A home of a mesh closes, and each node comes to harm at each of its writes, in every order of events that a seed gives, without a real
// process: `node packages/cluster/test/mesh/steps.mjs --seeds 3 [--from 1] [--writes 40] [--pairs 500]`. About 0.1 s for each run.
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { bundlePrograms } from "./programs.mjs";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1" },
    from: { type: "string", default: "1" },
    writes: { type: "string", default: "40" },
    pairs: { type: "string", default: "200" },
  },
});
const programs = await bundlePrograms({ cases: "steps/cases.ts" });
process.on("exit", programs.remove);
const { single, pairs, judgeCase } = await import(pathToFileURL(programs.pathOf("cases")));

const total = {};
for (let seed = Number(values.from); seed < Number(values.from) + Number(values.seeds); seed++) {
  for (const each of [...single({ seed, writes: Number(values.writes) }), ...pairs({ seed, writes: Number(values.writes), count: Number(values.pairs) })]) {
    const { faults, ...figures } = await judgeCase(each);
    for (const [name, figure] of Object.entries({ runs: 1, faulty: faults.length > 0 ? 1 : 0, ...figures })) total[name] = (total[name] ?? 0) + figure;
    if (faults.length === 0) continue;
    process.exitCode = 1;
    console.log(`${JSON.stringify(each)}: ${faults[0]}${faults.length > 1 ? ` and ${faults.length - 1} more` : ""}`);
  }
}
console.log(
  Object.entries(total)
    .map(([name, figure]) => `${figure} ${name}`)
    .join(", "),
);
