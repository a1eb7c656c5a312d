// What the structure check judges, rule by rule.
import { readdirSync } from "node:fs";
import { join, sep } from "node:path";
import { exportedNames, folderCount, folderRules } from "./folders.mjs";
import { placeOf, readTree } from "./tree.mjs";

const MAX_FILE_LINES = 300;
const MAX_ADAPTER_ENTRY_LINES = 60;
const MAX_DEMO_MAIN_LINES = 30;
const ADAPTERS = ["express", "fastify", "hono", "koa"];
const TOP_LEVEL = new Set([
  "package.json",
  "pnpm-workspace.yaml",
  "pnpm-lock.yaml",
  "packages",
  "apps",
  "tsconfig.base.json",
  "README.md",
  "LICENSE",
  "SECURITY.md",
  "node_modules",
]);

/**
 * Judges the tree at `root`.
 * @returns `rules`: each with what was found, its limit, and its breaches in words; `sizes`: pairs of a name and a figure.
 * @throws SyntaxError for a source that does not parse.
 */
export function judge(root) {
  const tree = readTree(root);
  const files = [...tree.files.values()];
  const rules = [
    longest("source file", files, MAX_FILE_LINES),
    longest("adapter entry", files.filter(isAdapterEntry), MAX_ADAPTER_ENTRY_LINES),
    longest("demo main", files.filter(isDemoMain), MAX_DEMO_MAIN_LINES),
    { rule: "import cycles, types included", breaches: cycles(tree) },
    { rule: "imports of another package's inside", breaches: files.flatMap((file) => file.trespasses) },
    ...folderRules(tree),
    exportedNames(tree),
    { rule: "uses of `any` as a type", breaches: files.flatMap((file) => file.anyTypes.map((offset) => placeOf(file, offset))) },
    {
      rule: "private fields of other libraries",
      breaches: files.filter(isOfPackage).flatMap((file) => file.privateFields.map((offset) => placeOf(file, offset))),
    },
    { rule: "boolean parameters", breaches: files.filter(isOfPackage).flatMap(booleanParameters) },
    { rule: "foreign names at the top level", breaches: foreignNames(root) },
  ];
  return { rules, sizes: sizes(tree, files) };
}

function sizes(tree, files) {
  const core = files.filter(({ path }) => path.startsWith(`packages/core/src${sep}`));
  const figures = (some) => {
    const lines = some.map((file) => file.lines).toSorted((a, b) => a - b);
    return `${lines.length} files, longest ${lines.at(-1) ?? 0} lines, median ${lines[Math.floor(lines.length / 2)] ?? 0}`;
  };
  return [
    ["all sources", figures(files)],
    ["packages/core/src", `${figures(core)}, ${folderCount(tree)} folders`],
  ];
}

function longest(what, candidates, limit) {
  const worst = candidates.toSorted((a, b) => b.lines - a.lines);
  return {
    rule: `longest ${what}`,
    found: worst.length ? `${worst[0].lines} lines, ${worst[0].path}` : "none yet",
    limit,
    breaches: worst.filter(({ lines }) => lines > limit).map(({ path, lines }) => `${path} has ${lines} lines, at most ${limit}`),
  };
}

/** Where a boolean parameter stays: an option there would cost an object for each message, or the interface is Node's. */
const BOOLEANS_STAY = new Set(["packages/core/src/wire/message.ts", "packages/core/src/ws/plugin-socket.ts"]);

function booleanParameters(file) {
  if (BOOLEANS_STAY.has(file.path.split(sep).join("/"))) return [];
  return file.booleanParameters.map((offset) => `${placeOf(file, offset)}: write two functions, or an options object`);
}

function isOfPackage({ owner }) {
  return owner.dir.startsWith("packages/");
}

function isAdapterEntry({ path, owner }) {
  return ADAPTERS.some((name) => owner.dir === `packages/${name}`) && [...owner.entries.values()].includes(path);
}

function isDemoMain({ path, owner }) {
  return owner.dir.startsWith("apps/") && path === join(owner.dir, "src/main.ts");
}

function cycles({ files }) {
  const done = new Set();
  const found = [];
  const visit = (path, trail) => {
    const start = trail.indexOf(path);
    if (start !== -1) {
      found.push([...trail.slice(start), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const { target } of files.get(path).arrows) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return found;
}

function foreignNames(root) {
  return readdirSync(root).filter((name) => !name.startsWith(".") && !TOP_LEVEL.has(name));
}
