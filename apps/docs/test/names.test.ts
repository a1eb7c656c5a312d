import { parseSync } from "oxc-parser";
import { expect, it } from "vitest";
import { filesBelow, read, rowNames, section } from "./pages.ts";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, string | { readonly "@upwire/source"?: string }>>;
}

const page = read("apps/docs/reference/names.md");

/** Every entry point of every package that is published, with its source. */
const entries = filesBelow("packages", "package.json").flatMap((path) => {
  const { name, private: isPrivate = false, exports = {} } = JSON.parse(read(path)) as Manifest;
  if (isPrivate) return [];
  return Object.entries(exports).flatMap(([key, target]) => {
    const source = typeof target === "string" ? undefined : target["@upwire/source"];
    return source === undefined ? [] : [{ entry: name + key.slice(1), source: path.replace("package.json", source.slice(2)) }];
  });
});

/** What a module exports by name. `export *` would hide names from this, so it is a failure. */
function exportsOf(path: string): string[] {
  const { module, errors } = parseSync(path, read(path));
  expect([path, errors]).toEqual([path, []]);
  return module.staticExports.flatMap(({ entries: names }) =>
    names.map(({ exportName, moduleRequest }) => exportName.name ?? `everything of ${moduleRequest?.value ?? "an expression"}`),
  );
}

const rows = new Map(entries.map(({ entry }) => [entry, page.includes(`\n## ${entry}\n`) ? rowNames(section(page, `## ${entry}`)) : []]));
const exported = new Map(entries.map(({ entry, source }) => [entry, exportsOf(source)]));

it("has a row for every name that a package exports, and for no other", () => {
  const count = (names: ReadonlyMap<string, readonly string[]>): number => [...names.values()].flat().length;
  console.log(`names documented / names exported: ${count(rows)} / ${count(exported)}`);
  const differences = entries.flatMap(({ entry }) => {
    const [documented, published] = [rows.get(entry) ?? [], exported.get(entry) ?? []];
    const missing = published.filter((name) => !documented.includes(name)).map((name) => `missing below "## ${entry}": | \`${name}\` | ... |`);
    const tooMany = documented.filter((name, index) => !published.includes(name) || documented.indexOf(name) !== index);
    return [...missing, ...tooMany.map((name) => `too many below "## ${entry}": ${name}`)];
  });
  expect(differences).toEqual([]);
  expect(count(rows)).toBe(count(exported));
});

it("has no section for an entry point that does not exist", () => {
  const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  expect(headings.toSorted()).toEqual(entries.map(({ entry }) => entry).toSorted());
});
