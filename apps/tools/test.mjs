// npm test: every check, then every test; stops at the first that fails.
// `npm test -- unit` and `npm test -- e2e` run only those tests; `npm test -- packages/core/test/hub.test.ts` runs that
// file, and `npm test -- FILE -t "words of a title"` some tests of it: what vitest takes, this takes.
import { run, runQuietly } from "./run.mjs";

const node = (script) => ["node", `apps/tools/${script}`];
const vitest = ["vitest", "run", "--config", "apps/tools/vitest.config.ts"];

const BUILD = ["build", ...node("build.mjs")];
/** They need the build and not each other: two at a time. The longest come first. */
const CHECKS = [
  ["customers' types", ...node("types.mjs")],
  ["packages", ...node("packages.mjs")],
  ["benchmark", "node", "apps/bench/dist/main.js", "--check"],
  // A dead link between its pages ends it.
  ["documentation", "node", "apps/docs/build.mjs"],
  ["lint", "oxlint", "."],
  ["types", "tsc", "-p", "apps/tools/tsconfig.test.json"],
  ["snippets of the documentation", ...node("snippets.mjs")],
  ["unused code", "knip", "--no-progress", "--no-config-hints", "--config", "apps/tools/knip.json"],
];
const BEFORE = [["structure", ...node("structure.mjs")], ["format", "oxfmt", "--check"], BUILD];
/** Two projects: those of its files that may share a process do. */
const UNIT = ["--project", "together", "--project", "unit"];
// Not the slow project: `npm run brokers` is that.
const TESTS = ["tests", ...vitest, ...UNIT, "--project", "e2e"];
const PROJECTS = {
  unit: [[TESTS[0], ...vitest, ...UNIT]],
  // The browser opens the built demos.
  e2e: [BUILD, [TESTS[0], ...vitest, "--project", "e2e"]],
};

const args = process.argv.slice(2);
if (args.length > 0) {
  inTurn(PROJECTS[args[0]] ?? stepsFor(args));
} else {
  inTurn(BEFORE);
  await besideEachOther(CHECKS);
  // Last, so that its closing line of counts ends the output.
  inTurn([TESTS]);
}

function inTurn(steps) {
  for (const [name, program, ...rest] of steps) {
    console.log(`\n== ${name}`);
    const start = performance.now();
    const status = run(program, rest);
    // The tests say everything themselves, and nothing may follow their closing line.
    if (name === TESTS[0]) process.exit(status);
    if (status !== 0) stop(name, [program, ...rest], status);
    console.log(`   ${secondsSince(start)} s`);
  }
}

async function besideEachOther(steps) {
  const waiting = [...steps];
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const [name, program, ...rest] = step;
      const start = performance.now();
      const { status, output } = await runQuietly(program, rest);
      console.log(`\n== ${name}\n${output.trimEnd()}\n   ${secondsSince(start)} s`);
      if (status !== 0) stop(name, [program, ...rest], status);
    }
  };
  await Promise.all([worker(), worker()]);
}

function stop(name, command, status) {
  console.error(`\nStopped at "${name}": ${command.join(" ")} ended with ${status}`);
  process.exit(status);
}

function secondsSince(start) {
  return ((performance.now() - start) / 1000).toFixed(1);
}

/** Some test files, by path or part of one. */
function stepsFor(wanted) {
  const tests = [TESTS[0], ...vitest, ...wanted];
  return wanted.some((arg) => arg.endsWith(".e2e.ts")) ? [BUILD, tests] : [tests];
}
