// npm test: every check, then every test; stops at the first that fails.
// `npm test -- unit` and `npm test -- e2e` run only the tests of that project; `npm test -- packages/core/test/hub.test.ts` runs that
// file, and `npm test -- FILE -t "words of a title"` some tests of it: what vitest takes, this takes.
import { run } from "./run.mjs";

const node = (script) => ["node", `apps/tools/${script}`];
const vitest = ["vitest", "run", "--config", "apps/tools/vitest.config.ts"];

const BUILD = ["build", ...node("build.mjs")];
const STEPS = [
  ["structure", ...node("structure.mjs")],
  BUILD,
  ["types", "tsc", "-p", "apps/tools/tsconfig.test.json"],
  ["customers' types", ...node("types.mjs")],
  ["snippets of the documentation", ...node("snippets.mjs")],
  // A dead link between its pages ends it.
  ["documentation", "node", "apps/docs/build.mjs"],
  ["lint", "oxlint", "."],
  ["format", "oxfmt", "--check"],
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

const args = process.argv.slice(2);
const steps = args.length === 0 ? STEPS : (PROJECTS[args[0]] ?? stepsFor(args));

for (const [index, [name, program, ...rest]] of steps.entries()) {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const status = run(program, rest);
  // The tests say everything themselves, and nothing may follow their closing line.
  if (index === steps.length - 1) process.exit(status);
  if (status !== 0) {
    console.error(`\nStopped at "${name}": ${[program, ...rest].join(" ")} ended with ${status}`);
    process.exit(status);
  }
  console.log(`   ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Some test files, by path or part of one. */
function stepsFor(wanted) {
  const tests = ["tests", ...vitest, ...wanted];
  return wanted.some((arg) => arg.endsWith(".e2e.ts")) ? [BUILD, tests] : [tests];
}
