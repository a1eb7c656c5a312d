// The packages of a tree, their sources, and who imports whom.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { lineAt, readSource } from "./source.mjs";

/**
 * Reads all sources of all packages under `root`. Each file has what `readSource` tells, `lines`, its `owner` (a package), `arrows` (imports of
 * other files of the tree, as `{ target, specifier, offset }`), `packages` (imports of packages from outside, as `{ name, offset }`) and
 * `trespasses` (imports of another package's inside, in words).
 * @throws SyntaxError for a source that does not parse.
 */
export function readTree(root) {
  const packages = ["packages", "apps"].flatMap((group) =>
    list(join(root, group))
      .map((name) => `${group}/${name}`)
      .filter((dir) => existsSync(join(root, dir, "package.json")))
      .map((dir) => readPackage(root, dir)),
  );
  const files = new Map(packages.flatMap((owner) => readSources(root, owner)).map((file) => [file.path, file]));
  for (const file of files.values()) resolveImports(root, file, packages, files);
  return { root, packages, files };
}

export function placeOf({ path, source }, offset) {
  return `${path}:${lineAt(source, offset)}`;
}

function readPackage(root, dir) {
  const { name, exports = {} } = JSON.parse(readFileSync(join(root, dir, "package.json"), "utf8"));
  const entryFile = (target) => join(dir, typeof target === "string" ? target : (target["@upwire/source"] ?? ""));
  return { dir, name, entries: new Map(Object.entries(exports).map(([key, target]) => [key, entryFile(target)])) };
}

function readSources(root, owner) {
  return list(join(root, owner.dir, "src"), { recursive: true })
    .filter((name) => /\.[cm]?ts$/.test(name) && !/\.(test|test-d|d)\.[cm]?ts$/.test(name))
    .map((name) => {
      const path = join(owner.dir, "src", name);
      const source = readFileSync(join(root, path), "utf8");
      const lines = source.split("\n").length - (source.endsWith("\n") ? 1 : 0);
      return { path, owner, source, lines, ...readSource(path, source) };
    });
}

function resolveImports(root, file, packages, files) {
  Object.assign(file, { arrows: [], packages: [], trespasses: [] });
  for (const { specifier, offset } of file.imports) {
    const { target, outside, inside } = resolveImport(root, file, packages, specifier);
    if (outside !== undefined) file.packages.push({ name: outside, offset });
    if (files.has(target)) file.arrows.push({ target, specifier, offset });
    if (inside) file.trespasses.push(`${placeOf(file, offset)} imports ${specifier}; use the package's name and its exports`);
  }
}

function resolveImport(root, file, packages, specifier) {
  if (specifier.startsWith(".")) {
    const target = relative(root, resolve(root, dirname(file.path), specifier)).replace(/\.([cm]?)js$/, ".$1ts");
    return { target, inside: !target.startsWith(file.owner.dir + sep) };
  }
  const owner = packages.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
  if (!owner)
    return {
      outside: specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/"),
    };
  const target = owner.entries.get(`.${specifier.slice(owner.name.length)}`);
  return { target, inside: target === undefined };
}

function list(dir, options) {
  return existsSync(dir) ? readdirSync(dir, options).toSorted() : [];
}
