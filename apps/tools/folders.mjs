// The doors of the folders of core: what may import what, by the one table `folders.json`.
import { existsSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { placeOf } from "./tree.mjs";

// Top first: the entries of the package, then its folders. A file imports its own folder and the folders below it, types included.
const TABLE = new URL("folders.json", import.meta.url);
const [[SRC, ROWS]] = Object.entries(JSON.parse(readFileSync(TABLE, "utf8")));
const ENTRIES = ROWS[0].split(" ");
const FOLDERS = ROWS.slice(1);
// The folder of everything that knows the package `ws`, above all the others, and the package it is for.
const WS = "ws";
const MAX_NAMES = 40;

/** The rules of core's folders, each as `{ rule, breaches }`. */
export function folderRules({ root, files }) {
  const core = [...files.values()].filter(({ path }) => path.startsWith(SRC + sep));
  return [
    { rule: "arrows against the order of folders", breaches: [...strangers(root, core), ...arrowsUp(core)] },
    { rule: `files below ${WS}/ that know ${WS}`, breaches: core.filter((file) => isBelowWs(file)).flatMap(knowsWs) },
  ];
}

/** How many folders core has, for the table. */
export function folderCount({ root }) {
  return FOLDERS.filter((name) => existsSync(join(root, SRC, name))).length;
}

function folderOf({ path }) {
  return path.slice(SRC.length + 1).split(sep)[0];
}

function isEntry(file) {
  return ENTRIES.includes(folderOf(file));
}

function strangers(root, core) {
  const missing = FOLDERS.filter((name) => !existsSync(join(root, SRC, name))).map(
    (name) => `${SRC}/${name} does not exist: remove it from apps/tools/folders.json`,
  );
  const unknown = core.filter((file) => !isEntry(file) && !FOLDERS.includes(folderOf(file)));
  return [...missing, ...unknown.map(({ path }) => `${path} is in no folder of apps/tools/folders.json (${FOLDERS.join(" ")})`)];
}

function arrowsUp(core) {
  const byPath = new Map(core.map((file) => [file.path, file]));
  return core.flatMap((file) =>
    file.arrows
      .filter(({ target }) => byPath.has(target))
      .flatMap(({ target, specifier, offset }) => {
        const to = byPath.get(target);
        if (isEntry(to)) return [`${placeOf(file, offset)} imports ${specifier}: no file of core imports an entry`];
        const isUp = !isEntry(file) && FOLDERS.indexOf(folderOf(to)) < FOLDERS.indexOf(folderOf(file));
        return isUp ? [`${placeOf(file, offset)} imports ${specifier}: ${folderOf(to)}/ is above ${folderOf(file)}/`] : [];
      }),
  );
}

function isBelowWs(file) {
  return !isEntry(file) && folderOf(file) !== WS;
}

function knowsWs(file) {
  const ofPackage = file.packages
    .filter(({ name }) => name === WS || name === `@types/${WS}`)
    .map(({ offset }) => `${placeOf(file, offset)} imports the package ${WS}`);
  const ofFolder = file.arrows
    .filter(({ target }) => target.startsWith(join(SRC, WS) + sep))
    .map(({ specifier, offset }) => `${placeOf(file, offset)} imports ${specifier}`);
  return [...ofPackage, ...ofFolder];
}

/** The names for applications: counted, and held to the limit once the names for authors of adapters have an entry of their own. */
export function exportedNames({ root, files }) {
  const entry = join(SRC, "index.ts");
  const names = namesOf(files, entry, new Set());
  const isHeld = existsSync(join(root, SRC, "adapter.ts"));
  return {
    rule: "names exported by index.ts",
    found: isHeld ? names.size : `${names.size}, not held before there is an adapter.ts`,
    limit: MAX_NAMES,
    breaches:
      isHeld && names.size > MAX_NAMES
        ? [`${entry} exports ${names.size} names, at most ${MAX_NAMES}: names for authors of adapters belong in adapter.ts`]
        : [],
  };
}

function namesOf(files, path, seen) {
  const file = files.get(path);
  if (!file || seen.has(path)) return new Set();
  seen.add(path);
  const names = new Set(file.names);
  for (const specifier of file.stars) {
    const target = file.arrows.find((arrow) => arrow.specifier === specifier)?.target;
    if (target === undefined) throw new Error(`${path} exports everything of ${specifier}, and its names cannot be counted: export them by name`);
    // `export *` leaves the default out.
    for (const name of namesOf(files, target, seen)) if (name !== "default") names.add(name);
  }
  return names;
}
