// Compiles apps/types/customers, applications as customers write them, against the built packages, with several compilers and
// settings. `node types.mjs` takes each compiler once, `node types.mjs --all` every combination, each in a process of its own.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./run.mjs";

const customers = join(root, "apps/types/customers");
const projects = ["tsconfig.json", "tsconfig.plugins.json"].map((name) => join(customers, name));
const resolutions = {
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};

const jobsOf = (version, resolution, exact) => ({ version, resolution, exact });
const EACH = [jobsOf("5.5", "nodenext", false), jobsOf("5.9", "bundler", true), jobsOf("7", "nodenext", true)];
const ALL = ["5.5", "5.9", "7"].flatMap((version) =>
  Object.keys(resolutions).flatMap((resolution) => [false, true].map((exact) => jobsOf(version, resolution, exact))),
);

const [mode, one] = process.argv.slice(2);
if (mode === "--job") compileHere(JSON.parse(one));
else await compileAll(mode === "--all" ? ALL : EACH);

async function compileAll(jobs) {
  const waiting = [...jobs];
  let failed = 0;
  const work = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const start = performance.now();
      const errors = await (job.version === "7" ? compileByProgram(job) : outputOf(fileURLToPath(import.meta.url), ["--job", JSON.stringify(job)]));
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      console.log(
        `TypeScript ${job.version}, ${job.resolution}, exactOptionalPropertyTypes ${job.exact}: ${errors === "" ? "compiles" : "FAILS"}, ${seconds} s`,
      );
      if (errors === "") continue;
      failed++;
      console.error(errors);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
  if (failed > 0) process.exitCode = 1;
}

/** TypeScript 7 has no stable API; as a program it is fast enough to look at every .d.ts of every library. */
async function compileByProgram({ resolution, exact }) {
  const settings = { ...resolutions[resolution], exactOptionalPropertyTypes: exact };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  let outputs = "";
  for (const project of projects) outputs += await outputOf(join(root, "node_modules/typescript/bin/tsc"), ["-p", project, ...flags]);
  return outputs;
}

/** What a program of Node says when it fails; empty when it ends well. */
async function outputOf(script, args) {
  const child = spawn(process.execPath, [script, ...args], { cwd: root });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const status = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  return status === 0 ? "" : output || `${script} ended with ${status}\n`;
}

/** By the API, to judge the customers' files and our own .d.ts alone: Hono's do not compile in TypeScript 5.5. */
function compileHere({ version, resolution, exact }) {
  const ts = createRequire(join(root, "apps/types/package.json"))(`typescript-${version}`);
  const parsedFiles = new Map();
  const shown = { getCanonicalFileName: (file) => file, getCurrentDirectory: () => root, getNewLine: () => "\n" };
  const kinds = { nodenext: ["NodeNext", "NodeNext"], bundler: ["ESNext", "Bundler"] };
  const [module, moduleResolution] = kinds[resolution];
  const settings = { module: ts.ModuleKind[module], moduleResolution: ts.ModuleResolutionKind[moduleResolution], exactOptionalPropertyTypes: exact };
  const output = projects.map(compileProject).join("");
  if (output === "") return;
  console.error(output);
  process.exitCode = 1;

  function compileProject(project) {
    const { fileNames, options, errors } = ts.getParsedCommandLineOfConfigFile(project, settings, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail });
    const host = ts.createCompilerHost(options);
    const parse = host.getSourceFile;
    // Both projects have nearly all files in common.
    host.getSourceFile = (file, how, ...rest) => {
      const key = `${file} ${how.impliedNodeFormat}`;
      if (!parsedFiles.has(key)) parsedFiles.set(key, parse(file, how, ...rest));
      return parsedFiles.get(key);
    };
    const program = ts.createProgram(fileNames, options, host);
    const ours = program.getSourceFiles().filter(({ fileName }) => !fileName.includes("/node_modules/"));
    if (!ours.some(({ fileName }) => fileName.endsWith("packages/core/dist/index.d.ts"))) return "The packages are not built: node apps/tools/build.mjs\n";
    const source = ours.find(({ fileName }) => /packages\/\w+\/src\//.test(fileName));
    if (source !== undefined) return `A customer has the .d.ts, and not ${source.fileName}\n`;
    const found = [errors, program.getOptionsDiagnostics(), program.getGlobalDiagnostics()].flat();
    for (const file of ours) found.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file));
    return ts.formatDiagnostics(found, shown);
  }

  function fail(diagnostic) {
    throw new Error(ts.formatDiagnostics([diagnostic], shown));
  }
}
