// The rules of the source tree that no compiler or linter checks: prints a table, fails on a breach.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { anyTypes, blank, importsOf, lineAt, privateFields } from "./source.mjs";

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

// A tree to check may be given, so that the check itself can be tried on a broken copy.
const root = resolve(process.argv[2] ?? fileURLToPath(new URL("../..", import.meta.url)));
const layersFile = join(root, "apps/tools/layers.json");

const packages = readPackages();
const files = new Map(packages.flatMap(readSources).map((file) => [file.path, file]));
for (const file of files.values()) readImports(file);

const rules = [
  longest("source file", [...files.values()], MAX_FILE_LINES),
  longest("adapter entry", [...files.values()].filter(isAdapterEntry), MAX_ADAPTER_ENTRY_LINES),
  longest("demo main", [...files.values()].filter(isDemoMain), MAX_DEMO_MAIN_LINES),
  { rule: "import cycles, types included", breaches: cycles() },
  { rule: "imports of another package's inside", breaches: [...files.values()].flatMap((file) => file.trespasses) },
  { rule: "layer breaches", breaches: layerBreaches() },
  { rule: "uses of `any` as a type", breaches: places(anyTypes, () => true) },
  { rule: "private fields of other libraries", breaches: places(privateFields, (file) => file.owner.dir.startsWith("packages/")) },
  { rule: "foreign names at the top level", breaches: foreignNames() },
];

for (const { rule, found, breaches, limit = 0 } of rules) {
  console.log(`${breaches.length ? "x" : " "} ${rule.padEnd(38)} ${found ?? breaches.length} (at most ${limit})`);
}
const breaches = rules.flatMap((rule) => rule.breaches.map((breach) => `${rule.rule}: ${breach}`));
if (breaches.length) {
  console.error(`\n${breaches.join("\n")}`);
  process.exit(1);
}

function readPackages() {
  return ["packages", "apps"].flatMap((group) =>
    list(group)
      .map((name) => `${group}/${name}`)
      .filter((dir) => existsSync(join(root, dir, "package.json")))
      .map((dir) => {
        const { name, exports = {} } = JSON.parse(readFileSync(join(root, dir, "package.json"), "utf8"));
        return { dir, name, entries: new Map(Object.entries(exports).map(([key, to]) => [key, entryFile(dir, to)])) };
      }),
  );
}

function entryFile(dir, target) {
  return join(dir, typeof target === "string" ? target : (target["@upwire/source"] ?? ""));
}

function readSources(owner) {
  return list(`${owner.dir}/src`, { recursive: true })
    .filter((name) => /\.[cm]?ts$/.test(name) && !/\.(test|test-d|d)\.[cm]?ts$/.test(name))
    .map((name) => {
      const path = join(owner.dir, "src", name);
      const source = readFileSync(join(root, path), "utf8");
      return { path, owner, source, lines: source.split("\n").length - (source.endsWith("\n") ? 1 : 0), ...blank(source) };
    });
}

function readImports(file) {
  file.imports = [];
  file.trespasses = [];
  for (const { specifier, offset } of importsOf(file)) {
    const { target, inside } = resolveImport(file, specifier);
    if (target && files.has(target)) file.imports.push({ target, offset });
    if (inside) file.trespasses.push(`${placeOf(file, offset)} imports ${specifier}; use the package's name and its exports`);
  }
}

function resolveImport(file, specifier) {
  if (specifier.startsWith(".")) {
    const target = relative(root, resolve(root, dirname(file.path), specifier)).replace(/\.([cm]?)js$/, ".$1ts");
    return { target, inside: !target.startsWith(file.owner.dir + sep) };
  }
  const owner = packages.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
  if (!owner) return { inside: false };
  const target = owner.entries.get(`.${specifier.slice(owner.name.length)}`);
  return { target, inside: target === undefined };
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

function isAdapterEntry({ path, owner }) {
  return ADAPTERS.some((name) => owner.dir === `packages/${name}`) && [...owner.entries.values()].includes(path);
}

function isDemoMain({ path, owner }) {
  return owner.dir.startsWith("apps/") && path === join(owner.dir, "src/main.ts");
}

function cycles() {
  const done = new Set();
  const found = [];
  const visit = (path, trail) => {
    const start = trail.indexOf(path);
    if (start !== -1) {
      found.push([...trail.slice(start), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const { target } of files.get(path).imports) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return found;
}

function layerBreaches() {
  const found = [];
  for (const [dir, layers] of Object.entries(JSON.parse(readFileSync(layersFile, "utf8")))) {
    const layerOf = new Map(layers.flatMap((names, layer) => names.map((name) => [join(dir, name), layer])));
    const sources = [...files.values()].filter(({ path }) => path.startsWith(dir + sep));
    for (const path of layerOf.keys()) {
      if (!files.has(path)) found.push(`${path} does not exist: remove it from ${relative(root, layersFile)}`);
    }
    for (const { path } of sources) {
      if (!layerOf.has(path)) found.push(`${path} has no layer: add it to ${relative(root, layersFile)}`);
    }
    for (const file of sources) {
      for (const { target, offset } of file.imports) {
        if (layerOf.get(target) > layerOf.get(file.path)) {
          found.push(
            `${placeOf(file, offset)} (layer ${layerOf.get(file.path)}) imports ${basename(target)} (layer ${layerOf.get(target)})`,
          );
        }
      }
    }
  }
  return found;
}

function places(find, wanted) {
  return [...files.values()].filter(wanted).flatMap((file) => find(file).map((offset) => placeOf(file, offset)));
}

function foreignNames() {
  return readdirSync(root).filter((name) => !name.startsWith(".") && !TOP_LEVEL.has(name));
}

function placeOf(file, offset) {
  return `${file.path}:${lineAt(file.source, offset)}`;
}

function list(dir, options) {
  return existsSync(join(root, dir)) ? readdirSync(join(root, dir), options).toSorted() : [];
}
