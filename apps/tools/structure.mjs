// The rules of the source tree that no compiler or linter checks: prints a table, fails on a breach.
// `npm run structure`; `npm run structure -- TREE` judges another tree.
import { resolve } from "node:path";
import { root as here } from "./run.mjs";
import { judge } from "./structure-rules.mjs";

const { rules, sizes } = judge(resolve(process.argv[2] ?? here));
for (const [what, figure] of sizes) console.log(`  ${what.padEnd(38)} ${figure}`);
for (const { rule, found, breaches, limit = 0 } of rules) {
  console.log(`${breaches.length ? "x" : " "} ${rule.padEnd(38)} ${found ?? breaches.length} (at most ${limit})`);
}
const breaches = rules.flatMap((rule) => rule.breaches.map((breach) => `${rule.rule}: ${breach}`));
if (breaches.length) {
  console.error(`\n${breaches.join("\n")}`);
  process.exitCode = 1;
}
