// Compiles every ```ts block of the READMEs and of the site against the sources, so that no example can rot.
//
// ```ts            a module of its own
// ```ts continued  goes on where the block before it ended
// ```ts nocheck    left out
//
// A block whose first line is a comment with a file name (`// chat.ts: written once`) can be imported by
// the other blocks of the same page as `./chat.ts`.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root, run } from "./run.mjs";

// Inside this package, where every upwire package and every framework resolves.
const out = fileURLToPath(new URL(".snippets/", import.meta.url));

const pages = [
  "README.md",
  "SECURITY.md",
  ...["packages", "apps"].flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}/README.md`)),
  ...pagesOfSite(),
].filter((file) => existsSync(join(root, file)));

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
const written = [];
let left = 0;
for (const page of pages) {
  const { modules, unchecked } = modulesOf(page);
  const folder = join(out, page.slice(0, -".md".length));
  mkdirSync(folder, { recursive: true });
  for (const { name, source } of modules) {
    writeFileSync(join(folder, name), source);
    written.push(join(folder, name));
  }
  left += unchecked;
}
writeFileSync(
  join(out, "tsconfig.json"),
  JSON.stringify({
    extends: "../tsconfig.test.json",
    // `process.env.PORT` is what people write.
    compilerOptions: { noPropertyAccessFromIndexSignature: false },
    // Named one by one: a pattern does not look into a dot folder.
    files: written,
    include: [],
  }),
);

if (written.length > 0 && run("tsc", ["-p", join(out, "tsconfig.json")]) !== 0) {
  console.error("\nA line number above is the line in the page; the folders name it.");
  process.exit(1);
}
console.log(`${written.length} snippets of ${pages.length} pages compile${left ? `, ${left} marked nocheck` : ""}`);

/** What VitePress makes pages of. */
function pagesOfSite() {
  const isHidden = (name) => /(?:^|[\\/])(?:node_modules|\.[^\\/]*)(?:[\\/]|$)/.test(name);
  return readdirSync(join(root, "apps/docs"), { recursive: true })
    .filter((name) => name.endsWith(".md") && !isHidden(name))
    .map((name) => `apps/docs/${name.replaceAll("\\", "/")}`)
    .toSorted();
}

function modulesOf(page) {
  const modules = [];
  let unchecked = 0;
  let block;
  readFileSync(join(root, page), "utf8")
    .split("\n")
    .forEach((line, index) => {
      if (block) {
        if (line.trim() === "```") block = undefined;
        else block.put(index, line.slice(block.indent));
        return;
      }
      const fence = /^( *)```(?:ts|typescript)\b *(.*?) *$/.exec(line);
      if (fence) block = open(fence[1].length, fence[2], index);
    });
  // `export {}` makes a module of a block without imports.
  const sources = modules.filter(({ name }) => name).map(({ name, lines }) => ({ name, source: `${lines.join("\n")}\nexport {};\n` }));
  return { modules: sources, unchecked };

  function open(indent, info, index) {
    if (info === "nocheck") {
      unchecked++;
      return { indent, put() {} };
    }
    if (info !== "" && info !== "continued") fail(index, `unknown word after \`\`\`ts: ${info}`);
    if (info === "continued" && modules.length === 0) fail(index, "nothing to continue");
    if (info === "") modules.push({ name: undefined, lines: [] });
    const module = modules.at(-1);
    const put = (at, line) => {
      module.name ??= nameFor(line, index);
      // Blank lines up to here keep the page's line numbers in the compiler's messages.
      while (module.lines.length < at) module.lines.push("");
      module.lines.push(line);
    };
    return { indent, put };
  }

  function nameFor(firstLine, index) {
    const wanted = /^\/\/ (?:\S*\/)?([\w-]+\.ts)\b/.exec(firstLine)?.[1];
    return wanted && !modules.some(({ name }) => name === wanted) ? wanted : `line-${index + 1}.ts`;
  }
  function fail(index, why) {
    console.error(`${page}:${index + 1} ${why}`);
    process.exit(1);
  }
}
