// Applications outside of the repository, of packages as npm would deliver them: for packed.mjs and packed-realtime.mjs.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./run.mjs";

export const LANGUAGES = ["JavaScript", "TypeScript"];
const TSC = ["--strict", "--skipLibCheck", "false", "--module", "nodenext", "--target", "es2022", "--types", "node", "--rewriteRelativeImportExtensions"];

const out = mkdtempSync(join(tmpdir(), "upwire-packed-"));
process.on("exit", () => rmSync(out, { recursive: true, force: true }));

const tarballs = pack();

/** Runs one check and prints how it went. Returns whether it went well. */
export async function check(what, run) {
  try {
    await run();
    console.log(`  ${what}: works`);
    return true;
  } catch (error) {
    console.error(`x ${what}: ${error.message}`);
    return false;
  }
}

/** Packs as it would be published: pnpm writes versions in place of `workspace:`. Tells where each tarball is, by its name. */
function pack() {
  const pnpm = /"(pnpm@[\d.]+)"/.exec(readFileSync(join(root, "apps/tools/setup.mjs"), "utf8"))[1];
  const folder = join(out, "tarballs");
  mkdirSync(folder);
  runIn(root, "npx", ["--yes", pnpm, "--filter", "./packages/*", "--recursive", "pack", "--pack-destination", folder]);
  return new Map(readdirSync(folder).map((file) => [`@upwire/${/^upwire-(.+)-\d/.exec(file)[1]}`, join(folder, file)]));
}

/** The install lines and the first sample of a README, which stand above everything else. */
export function readmeOf(path) {
  const text = readFileSync(join(root, path), "utf8");
  const installs = [...text.slice(0, text.indexOf("```ts")).matchAll(/`(npm install [^`]+)`/g)].map(([, line]) => line);
  if (installs.length === 0) throw new Error(`${path} has no \`npm install …\` above its first sample`);
  return { installs, sample: samplesOf(path)[0] };
}

export function samplesOf(path) {
  return [...readFileSync(join(root, path), "utf8").matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, sample]) => sample);
}

export function appFolder(name) {
  const folder = join(out, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "name": "app", "private": true, "type": "module" }\n');
  return folder;
}

export function install(folder, line) {
  const words = line.split(" ").slice(1);
  const all = new Set(words.flatMap((word) => [word, ...oursBelow(word)]));
  runIn(folder, "npm", [...[...all].map((word) => tarballs.get(word) ?? word), "--no-audit", "--no-fund"]);
}

/** Writes files beside each other, by their names without an end, and compiles those that `entries` names. @returns the end of what runs */
export function write(folder, language, files, entries) {
  const end = language === "TypeScript" ? "ts" : "js";
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, `${name}.${end}`), end === "ts" ? text : asJavaScript(text));
  }
  if (end === "js") return "";
  runIn(folder, "npx", ["tsc", ...TSC, "--outDir", "out", ...entries.map((name) => `${name}.ts`)]);
  return "out/";
}

/** A sample without what only TypeScript has: types that are exported, imported or given to a call, and ends of files. */
function asJavaScript(text) {
  return text
    .replaceAll(/^(export|import) type .*\n/gm, "")
    .replaceAll(/createClient<\w+>/g, "createClient")
    .replaceAll(/(from "\.\/\w+)\.ts"/g, '$1.js"');
}

/** Starts a program of an application. `printed` is what it has printed so far; `stop` ends it. */
export function start(folder, program, { flags = [], env = {} } = {}) {
  const child = spawn(process.execPath, [...flags, program], { cwd: folder, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const running = {
    printed: "",
    said: "",
    get exitCode() {
      return child.exitCode;
    },
    async stop() {
      child.kill();
      await ended;
    },
  };
  child.stdout.on("data", (chunk) => (running.printed += chunk));
  child.stderr.on("data", (chunk) => (running.said += chunk));
  return running;
}

/** The sample, on another port than 8080. */
export function onPort(sample, port) {
  const code = sample.replaceAll("8080", String(port));
  if (code === sample) throw new Error("the sample does not listen on 8080");
  return code;
}

/** What a package of ours needs of ours: that is not on npm either. */
function oursBelow(name) {
  if (!tarballs.has(name)) return [];
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, name.replace("@upwire", "packages"), "package.json"), "utf8"));
  return Object.keys(dependencies)
    .filter((dependency) => tarballs.has(dependency))
    .flatMap((dependency) => [dependency, ...oursBelow(dependency)]);
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await once(server.close(), "close");
  return port;
}

/** @throws Error with what the program printed, unless it ended with 0. */
export function runIn(cwd, program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8", shell: process.platform === "win32" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${`${stdout}${stderr}`.slice(-3000)}`);
}
