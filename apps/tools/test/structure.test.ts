import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { judge, type Judgement } from "../structure-rules.mjs";

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

type Tree = Readonly<Record<string, string>>;

const packageFile = (name: string): string => JSON.stringify({ name, exports: { ".": { "@upwire/source": "./src/index.ts" } } });
const folders = ["ws", "upgrade", "hub", "shutdown", "observe", "connection", "checks", "send", "wire", "base"];
const core = (file: string): string => `packages/core/src/${file}`;
const lines = (count: number): string => "\n".repeat(count);

/** Core with one file in each folder, and a demo: no rule is broken. */
const SOUND: Tree = {
  "packages/core/package.json": packageFile("@upwire/core"),
  [core("index.ts")]: 'export { ws } from "./ws/a.ts";\n',
  [core("adapter.ts")]: 'export { base } from "./base/a.ts";\n',
  ...Object.fromEntries(folders.map((name) => [core(`${name}/a.ts`), `export const ${name} = 1;\n`])),
  "packages/hono/package.json": packageFile("@upwire/hono"),
  "packages/hono/src/index.ts": 'import { ws } from "@upwire/core";\nexport { ws };\n',
  "apps/koa/package.json": JSON.stringify({ name: "@upwire-apps/koa" }),
  "apps/koa/src/main.ts": 'import "@upwire/core";\n',
};

function judged(...trees: readonly Tree[]): Judgement {
  const root = mkdtempSync(join(tmpdir(), "upwire-structure-"));
  roots.push(root);
  for (const [path, text] of Object.entries(Object.assign({}, ...trees) as Tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return judge(root);
}

/** Every breach as `rule: breach`. */
function breachesOf(...trees: readonly Tree[]): string[] {
  return judged(...trees).rules.flatMap(({ rule, breaches }) => breaches.map((breach) => `${rule}: ${breach}`));
}

/** One breach or more: what is planted, and all that the check says of it. */
const planted: readonly (readonly [title: string, tree: Tree, breaches: readonly string[]])[] = [
  ["a source of 301 lines", { [core("hub/long.ts")]: lines(301) }, ["longest source file: packages/core/src/hub/long.ts has 301 lines, at most 300"]],
  [
    "an adapter's entry of 61 lines",
    { "packages/hono/src/index.ts": lines(61) },
    ["longest adapter entry: packages/hono/src/index.ts has 61 lines, at most 60"],
  ],
  ["a demo's main of 31 lines", { "apps/koa/src/main.ts": lines(31) }, ["longest demo main: apps/koa/src/main.ts has 31 lines, at most 30"]],
  [
    "a cycle of types alone",
    {
      [core("hub/b.ts")]: 'import type { C } from "./c.ts";\nexport type B = C;\n',
      [core("hub/c.ts")]: 'export type C = import("./b.ts").B;\n',
    },
    ["import cycles, types included: packages/core/src/hub/b.ts -> packages/core/src/hub/c.ts -> packages/core/src/hub/b.ts"],
  ],
  [
    "an import of the inside of another package, by path and by name",
    { "packages/hono/src/b.ts": 'import "../../core/src/hub/a.ts";\nexport * from "@upwire/core/src/hub/a.ts";\n' },
    [
      "imports of another package's inside: packages/hono/src/b.ts:1 imports ../../core/src/hub/a.ts; use the package's name and its exports",
      "imports of another package's inside: packages/hono/src/b.ts:2 imports @upwire/core/src/hub/a.ts; use the package's name and its exports",
    ],
  ],
  [
    "each kind of `any`, and no word that only looks like it",
    {
      [core("base/b.ts")]:
        "export let a: any;\nexport const b = (x: any[]) => x as any;\nexport type C = Map<string, any>;\n// any\nPromise.any([]); const any = 1; `${any} any`; ({ any });\n",
    },
    ["1", "2", "2", "3"].map((line) => `uses of \`any\` as a type: packages/core/src/base/b.ts:${line}`),
  ],
  [
    "each way to a private field of another object, and none of one's own",
    {
      [core("base/b.ts")]:
        'x._a;\nx?._a();\nx["_a"];\nx[`_a`];\nconst { _a } = x;\nconst { _a: b } = x;\nlet c: X["_a"];\nlet d: Pick<X, "_a">;\n"_a" in x;\nlet e: N._a;\n' +
        "const [_, _g] = x; class K { #_a = 1; f() { return this.#_a + _g; } } // x._a\n",
    },
    ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"].map((line) => `private fields of other libraries: packages/core/src/base/b.ts:${line}`),
  ],
  [
    "a boolean among the parameters of a function, a method or a constructor, and not of a callback or a setter, nor in an options object",
    {
      [core("base/b.ts")]:
        "function f(isA: boolean) {}\nclass B { constructor(x: 1, isB?: boolean) {}\nm(isC = false) {}\nset isD(isD: boolean) {} }\n" +
        "x.on((isE: boolean) => {});\nfunction g({ isF }: { isF: boolean }) {}\ninterface I { isG: boolean }\n",
    },
    ["1", "2", "3"].map((line) => `boolean parameters: packages/core/src/base/b.ts:${line}: write two functions, or an options object`),
  ],
  ["a name at the top level", { "notes.md": "" }, ["foreign names at the top level: notes.md"]],
  [
    "a file outside the folders",
    { [core("b.ts")]: "" },
    [`arrows against the order of folders: packages/core/src/b.ts is in no folder of apps/tools/folders.json (${folders.join(" ")})`],
  ],
  [
    "a folder that the table does not have",
    { [core("log/a.ts")]: "" },
    [`arrows against the order of folders: packages/core/src/log/a.ts is in no folder of apps/tools/folders.json (${folders.join(" ")})`],
  ],
  [
    "an import of an entry",
    { [core("hub/b.ts")]: 'import type { ws } from "../index.ts";\n' },
    ["arrows against the order of folders: packages/core/src/hub/b.ts:1 imports ../index.ts: no file of core imports an entry"],
  ],
  [
    "the package ws below ws/, by type too",
    { [core("wire/b.ts")]: 'import type { WebSocket } from "ws";\nimport "ws/lib/receiver.js";\n' },
    ["1", "2"].map((line) => `files below ws/ that know ws: packages/core/src/wire/b.ts:${line} imports the package ws`),
  ],
];

describe("the structure check", () => {
  it("finds nothing in a sound tree", () => {
    const { rules, sizes } = judged(SOUND);
    expect(rules.flatMap(({ breaches }) => breaches)).toEqual([]);
    expect(new Map(sizes).get("packages/core/src")).toBe("12 files, longest 1 lines, median 1, 10 folders");
  });

  it.each(planted)("finds %s", (_title, tree, breaches) => {
    expect(breachesOf(SOUND, tree)).toEqual(breaches);
  });

  it("has a planted breach for every rule", () => {
    const rules = new Set(judged(SOUND).rules.map(({ rule }) => rule));
    const broken = new Set(planted.flatMap(([, , breaches]) => breaches.map((breach) => breach.slice(0, breach.indexOf(": ")))));
    // Held to a number of names, below.
    rules.delete("names exported by index.ts");
    expect(broken).toEqual(rules);
  });

  const imports = ['import "F";', 'import type { a } from "F";', 'export { a } from "F";', 'export * from "F";', 'await import("F");', "await import(`F`);"];
  imports.push('type A = typeof import("F");', 'import a = require("F");', 'require("F");');

  it.each(imports)("knows every pair of folders where %s is allowed", (statement) => {
    const wanted: string[] = [];
    const tree: Record<string, string> = {};
    for (const [from, name] of folders.entries()) {
      tree[core(`${name}/b.ts`)] = folders.map((to) => statement.replace("F", to === name ? "./a.ts" : `../${to}/a.ts`)).join("\n");
      for (const [to, above] of folders.slice(0, from).entries()) {
        wanted.push(`packages/core/src/${name}/b.ts:${to + 1} imports ../${above}/a.ts: ${above}/ is above ${name}/`);
      }
    }
    const { rules } = judged(SOUND, tree);
    const found = (wantedRule: string) => rules.find(({ rule }) => rule === wantedRule)?.breaches ?? [];
    expect(new Set(found("arrows against the order of folders"))).toEqual(new Set(wanted));
    expect(found("files below ws/ that know ws")).toHaveLength(folders.length - 1);
  });

  it("counts the names of index.ts through what it exports again, and holds them to 40 beside an adapter.ts", () => {
    const names = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `n${from + i}`);
    const tree = {
      [core("index.ts")]:
        `export const { ${names(0, 5).join(", ")} } = x;\nexport function n5(): void {}\nexport type n6 = 1;\nexport interface n7 {}\nexport class n8 {}\n` +
        'export const n6 = 1;\nexport * from "./hub/b.ts";\nexport * as n9 from "./hub/a.ts";\nexport { a as n10, type b as n11 } from "./hub/a.ts";\nexport default 1;\n',
      [core("hub/b.ts")]: `export const ${names(12, 40)
        .map((name) => `${name} = 1`)
        .join(", ")};\nexport default 2;\n`,
    };
    const nameRule = (...trees: readonly Tree[]) => judged(...trees).rules.find(({ rule }) => rule === "names exported by index.ts");
    expect(nameRule(SOUND)).toMatchObject({ found: 1, breaches: [] });
    expect(nameRule(SOUND, tree)).toMatchObject({
      found: 41,
      breaches: ["packages/core/src/index.ts exports 41 names, at most 40: names for authors of adapters belong in adapter.ts"],
    });
    const { [core("adapter.ts")]: _, ...withoutAdapter } = SOUND;
    expect(nameRule(withoutAdapter, tree)).toMatchObject({ found: "41, not held before there is an adapter.ts", breaches: [] });
  });

  it("does not count what it cannot read", () => {
    expect(() => judged(SOUND, { [core("index.ts")]: 'export * from "elsewhere";\n' })).toThrow(
      "packages/core/src/index.ts exports everything of elsewhere, and its names cannot be counted: export them by name",
    );
    expect(() => judged(SOUND, { [core("hub/b.ts")]: "\nexport const = 1;\n" })).toThrow(/packages\/core\/src\/hub\/b\.ts:2 does not parse/);
  });

  it("names a folder of the table that is not there", () => {
    const { [core("observe/a.ts")]: _, ...tree } = SOUND;
    expect(breachesOf(tree)).toEqual(["arrows against the order of folders: packages/core/src/observe does not exist: remove it from apps/tools/folders.json"]);
  });
});
