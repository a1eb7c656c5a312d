// Packs every publishable package as npm would and lets publint and attw ("are the types wrong?") judge the tarballs. A README must
// not link to a file that its tarball has not.
// Both are used as libraries: as programs they spend most of eight seconds on starting twelve times.
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { problemAffectsResolutionKind, problemKindInfo } from "@arethetypeswrong/core/problems";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, posix } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { root, run } from "./run.mjs";

// What attw calls its esm-only profile: `node10` and `require()` are not promised.
const RESOLUTIONS = ["node16-esm", "bundler"];

const dirs = readdirSync(join(root, "packages"))
  .map((name) => `packages/${name}`)
  .filter((dir) => !JSON.parse(readFileSync(join(root, dir, "package.json"), "utf8")).private);

const temporary = mkdtempSync(join(tmpdir(), "upwire-pack-"));
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));

// No package bundles its dependencies, but npm reads all of them first, and theirs: of a copy without them it makes the same tarball in
// a fifth of the time.
const copies = dirs.map((dir) => {
  const copy = join(temporary, dir);
  cpSync(join(root, dir), copy, { recursive: true, filter: (file) => basename(file) !== "node_modules" });
  return copy;
});
const out = join(temporary, "tarballs");
mkdirSync(out);
const packed = run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", out, ...copies]);
if (packed !== 0) process.exit(packed);

for (const name of readdirSync(out)) {
  const tarball = new Uint8Array(readFileSync(join(out, name)));
  for (const problem of [...(await publishProblems(tarball)), ...(await typeProblems(tarball)), ...linkProblems(tarball)]) {
    console.error(`${name}: ${problem}`);
    process.exitCode = 1;
  }
}

async function publishProblems(tarball) {
  const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg)}`);
}

async function typeProblems(tarball) {
  const analysis = await checkPackage(createPackageFromTarballData(tarball));
  if (!analysis.types) return ["attw: no types found"];
  return analysis.problems
    .filter((problem) => RESOLUTIONS.some((kind) => problemAffectsResolutionKind(problem, kind, analysis)))
    .map((problem) => `attw: ${problem.entrypoint ?? ""} ${problemKindInfo[problem.kind].shortDescription}`);
}

function linkProblems(tarball) {
  const shipped = createPackageFromTarballData(tarball);
  const folder = `/node_modules/${shipped.packageName}/`;
  const readme = shipped.tryReadFile(`${folder}README.md`);
  if (readme === undefined) return ["there is no README.md"];
  const links = [...readme.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target).filter((target) => !/^[a-z]+:/.test(target));
  return links.filter((target) => !shipped.fileExists(posix.join(folder, target))).map((target) => `README.md links to ${target}, which is not shipped`);
}
