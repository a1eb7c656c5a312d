// npm test: every check, then every test; stops at the first that fails.
// `npm test -- unit` and `npm test -- e2e` run only the tests of that project.
import { run } from "./run.mjs";

const node = (script) => ["node", `apps/tools/${script}`];
const vitest = ["vitest", "run", "--config", "apps/tools/vitest.config.ts"];

const BUILD = ["build", ...node("build.mjs")];
const STEPS = [
  ["structure", ...node("structure.mjs")],
  BUILD,
  ["types", "tsc", "-p", "apps/tools/tsconfig.test.json"],
  ["snippets of the documentation", ...node("snippets.mjs")],
  // A dead link between its pages ends it.
  ["documentation", "node", "apps/docs/build.mjs"],
  ["lint", "oxlint", "."],
  ["unused code", "knip", "--no-progress", "--no-config-hints", "--config", "apps/tools/knip.json"],
  ["packages", ...node("packages.mjs")],
  ["benchmark", "node", "apps/bench/dist/main.js", "--check"],
  // Last, so that its closing line of counts ends the output.
  ["tests", ...vitest],
];
const PROJECTS = {
  unit: [["unit tests", ...vitest, "--project", "unit"]],
  // The browser opens the built demos.
  e2e: [BUILD, ["e2e tests", ...vitest, "--project", "e2e"]],
};

const [project] = process.argv.slice(2);
const steps = project === undefined ? STEPS : PROJECTS[project];
if (!steps) {
  console.error(`npm test -- ${Object.keys(PROJECTS).join(" | ")}; there is no "${project}".`);
  process.exit(2);
}

for (const [index, [name, program, ...args]] of steps.entries()) {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const status = run(program, args);
  // The tests say everything themselves, and nothing may follow their closing line.
  if (index === steps.length - 1) process.exit(status);
  if (status !== 0) {
    console.error(`\nStopped at "${name}": ${[program, ...args].join(" ")} ended with ${status}`);
    process.exit(status);
  }
  console.log(`   ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
