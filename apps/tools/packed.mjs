// npm run packed: what a customer does first, with the packages as npm would deliver them. For each framework an application outside
// of the repository, made of the lines of the package's README alone: its install lines, with tarballs in place of names, and its first
// sample, as JavaScript and as TypeScript. The samples of the front README too. A client talks to each. It needs a network, and takes
// about two minutes.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { root } from "./run.mjs";

const FRAMEWORKS = ["express", "fastify", "hono", "koa", "core"];
const LANGUAGES = ["JavaScript", "TypeScript"];
const TSC = ["--strict", "--skipLibCheck", "false", "--module", "nodenext", "--target", "es2022", "--types", "node", "--rewriteRelativeImportExtensions"];
/** How long a server may take until it listens. Milliseconds. */
const START_MS = 15_000;

const out = mkdtempSync(join(tmpdir(), "upwire-packed-"));
process.on("exit", () => rmSync(out, { recursive: true, force: true }));

const tarballs = pack();
let failed = 0;
for (const name of FRAMEWORKS) {
  const { installs, sample } = readmeOf(`packages/${name}/README.md`);
  const folder = appFolder(name);
  for (const line of installs) install(folder, line);
  const path = /get\(\s*"([^"]+)"/.exec(sample)?.[1].replace(/:\w+/, "tea") ?? "/ws";
  const expected = sample.includes("welcome to") ? ["welcome to tea", "hello"] : ["hello"];
  for (const language of LANGUAGES) await check(`${name}, ${language}`, () => talk(folder, language, { server: sample }, { path, expected }));
}
{
  // The row of Express says what of ours to install, and the README of its package what else.
  const [chat, server, jobs] = samplesOf("README.md");
  const [, ours] = /^\| \[Express[^|]*\| `([^`]+)`/m.exec(readFileSync(join(root, "README.md"), "utf8"));
  const folder = appFolder("front");
  for (const line of [`npm install @upwire/core ${ours}`, ...readmeOf("packages/express/README.md").installs]) install(folder, line);
  // The handler of the second sample, on the route of the first.
  const guarded = server.replaceAll("chat", "jobs");
  for (const language of LANGUAGES) {
    await check(`front README, ${language}`, () => talk(folder, language, { server, chat }, { expected: [/^127\.0\.0\.1:\d+ echo: hello$/] }));
    await check(`front README, authorize, ${language}`, () =>
      talk(folder, language, { server: guarded, jobs }, { headers: { cookie: "user=ada" }, expected: ["ada: hello"] }),
    );
    await check(`front README, refused, ${language}`, () =>
      talk(folder, language, { server: guarded, jobs }, { expected: ["Unexpected server response: 401"] }),
    );
  }
}
{
  const { installs, sample } = readmeOf("packages/testing/README.md");
  const folder = appFolder("testing");
  // Nothing of a test framework: connectTo needs none.
  for (const line of [...installs, "npm install @upwire/core"]) install(folder, line);
  writeFileSync(join(folder, "route.test.js"), sample);
  await check("testing, under node:test", () => runIn(folder, process.execPath, ["--test", "route.test.js"]));
}
process.exitCode = failed === 0 ? 0 : 1;

async function check(what, run) {
  try {
    await run();
    console.log(`  ${what}: works`);
  } catch (error) {
    failed++;
    console.error(`x ${what}: ${error.message}`);
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
function readmeOf(path) {
  const text = readFileSync(join(root, path), "utf8");
  const installs = [...text.slice(0, text.indexOf("```ts")).matchAll(/`(npm install [^`]+)`/g)].map(([, line]) => line);
  if (installs.length === 0) throw new Error(`${path} has no \`npm install …\` above its first sample`);
  return { installs, sample: samplesOf(path)[0] };
}

function samplesOf(path) {
  return [...readFileSync(join(root, path), "utf8").matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, sample]) => sample);
}

function appFolder(name) {
  const folder = join(out, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "name": "app", "private": true, "type": "module" }\n');
  return folder;
}

function install(folder, line) {
  const words = line.split(" ").slice(1);
  const all = new Set(words.flatMap((word) => [word, ...oursBelow(word)]));
  runIn(folder, "npm", [...[...all].map((word) => tarballs.get(word) ?? word), "--no-audit", "--no-fund"]);
}

/** What a package of ours needs of ours: that is not on npm either. */
function oursBelow(name) {
  if (!tarballs.has(name)) return [];
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, name.replace("@upwire", "packages"), "package.json"), "utf8"));
  return Object.keys(dependencies)
    .filter((dependency) => tarballs.has(dependency))
    .flatMap((dependency) => [dependency, ...oursBelow(dependency)]);
}

/** Starts `files.server`, beside the other files, on a free port, says hello and hears what is expected: texts, or patterns of them. */
async function talk(folder, language, files, { path = "/ws", headers = {}, expected }) {
  const port = await freePort();
  const code = files.server.replaceAll("8080", String(port));
  if (code === files.server) throw new Error("the sample does not listen on 8080");
  const end = language === "TypeScript" ? "ts" : "js";
  for (const [name, text] of Object.entries({ ...files, server: code })) {
    writeFileSync(join(folder, `${name}.${end}`), end === "ts" ? text : text.replaceAll(/(from "\.\/\w+)\.ts"/g, '$1.js"'));
  }
  let program = "server.js";
  if (end === "ts") {
    runIn(folder, "npx", ["tsc", ...TSC, "--outDir", "out", "server.ts"]);
    program = "out/server.js";
  }
  const server = spawn(process.execPath, [program], { cwd: folder, stdio: ["ignore", "inherit", "pipe"] });
  const ended = once(server, "exit");
  let said = "";
  server.stderr.on("data", (chunk) => (said += chunk));
  try {
    const heard = await hello(`ws://127.0.0.1:${port}${path}`, headers, () => server.exitCode);
    const isRight = heard.length === expected.length && expected.every((one, at) => (one instanceof RegExp ? one.test(heard[at]) : one === heard[at]));
    if (!isRight) throw new Error(`heard ${JSON.stringify(heard)} and not ${expected.join(", ")}`);
  } catch (error) {
    throw new Error(`${error.message}; the server said ${JSON.stringify(said.slice(-2000))}`, { cause: error });
  } finally {
    server.kill();
    await ended;
  }
}

/** What the client has heard once its own word has come back, or why it was refused. Tries again until the server listens. */
async function hello(url, headers, exitCode) {
  const until = performance.now() + START_MS;
  for (;;) {
    const client = new WebSocket(url, { origin: url.replace(/^ws(:\/\/[^/]+).*$/, "http$1"), headers, handshakeTimeout: 5000 });
    const heard = [];
    client.on("open", () => client.send("hello"));
    client.on("message", (data) => {
      heard.push(Buffer.concat([data].flat()).toString());
      if (heard.at(-1).endsWith("hello")) client.close();
    });
    const error = await new Promise((resolve) => {
      client.on("error", resolve);
      client.on("close", () => resolve(undefined));
    });
    if (error === undefined) return heard;
    if (error.message.startsWith("Unexpected server response")) return [error.message];
    if (error.code !== "ECONNREFUSED" || exitCode() !== null || performance.now() > until) throw error;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await once(server.close(), "close");
  return port;
}

/** @throws Error with what the program printed, unless it ended with 0. */
function runIn(cwd, program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8", shell: process.platform === "win32" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${`${stdout}${stderr}`.slice(-3000)}`);
}
