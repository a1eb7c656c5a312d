// What happens to the nodes of a mesh, in real processes, for each kind of trouble so many times:
// `node packages/cluster/test/mesh/rounds.mjs --rounds 20 [--kind "kill the home"] [--seed 1] [--rate 600] [--messages 10000]`.
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { bundlePrograms } from "./programs.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    kind: { type: "string" },
    seed: { type: "string", default: "1" },
    rate: { type: "string", default: "600" },
    messages: { type: "string", default: "0" },
  },
});
const programs = await bundlePrograms({ node: "rounds/node.ts", round: "rounds/round.ts", judge: "rounds/judge.ts" });
process.on("exit", programs.remove);
const { playRound, kinds } = await import(pathToFileURL(programs.pathOf("round")));
const { isClean } = await import(pathToFileURL(programs.pathOf("judge")));

let state = Number(values.seed);
/** The same numbers for the same seed (mulberry32). */
const below = (limit) => {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit);
};
for (const kind of kinds) {
  if (values.kind !== undefined && values.kind !== kind) continue;
  const total = {};
  let dirty = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    const verdict = await playRound({ kind, program: programs.pathOf("node"), below, perSecond: Number(values.rate), messages: Number(values.messages) });
    // A node that is taken for dead may lose what it is told that it has lost. Where no process is stopped nothing may be lost at all.
    const isStill = kind.includes("stop");
    if (!isClean(verdict) || (verdict.lostAndTold > 0 && !isStill)) {
      dirty++;
      process.exitCode = 1;
      console.log(`  round ${round}: ${JSON.stringify(verdict)}`);
    }
    for (const [name, figure] of Object.entries(verdict)) total[name] = (total[name] ?? 0) + figure;
  }
  const figures = Object.entries(total).map(([name, figure]) => `${figure} ${name}`);
  console.log(`${kind}: ${values.rounds} rounds, ${dirty} with a fault: ${figures.join(", ")}`);
}
