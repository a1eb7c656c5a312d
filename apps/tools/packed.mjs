// npm run packed: what a customer does first, with the packages as npm would deliver them. For each framework an application outside
// of the repository, made of the lines of the package's README alone: its install lines, with tarballs in place of names, and its first
// sample, as JavaScript and as TypeScript. A client talks to each. It needs a network, and takes about two minutes.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { root } from "./run.mjs";

const FRAMEWORKS = ["express", "fastify", "hono", "koa", "core"];
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
  await check(`${name}, JavaScript`, () => talk(folder, "server.js", sample));
  await check(`${name}, TypeScript`, () => talk(folder, "server.ts", sample));
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
  const sample = /^```ts\n([^]*?)^```$/m.exec(text);
  const installs = [...text.slice(0, sample.index).matchAll(/`(npm install [^`]+)`/g)].map(([, line]) => line);
  if (installs.length === 0) throw new Error(`${path} has no \`npm install …\` above its first sample`);
  return { installs, sample: sample[1] };
}

function appFolder(name) {
  const folder = join(out, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "name": "app", "private": true, "type": "module" }\n');
  return folder;
}

function install(folder, line) {
  const words = line
    .split(" ")
    .slice(1)
    .map((word) => tarballs.get(word) ?? word);
  const isOurs = words.some((word) => word.endsWith(".tgz"));
  // What ours depend on is not on npm either.
  const others = isOurs ? ["@upwire/protocol", "@upwire/core"].map((name) => tarballs.get(name)) : [];
  runIn(folder, "npm", [...new Set([...words, ...others]), "--no-audit", "--no-fund"]);
}

/** Starts the sample on a free port, says hello and hears it. */
async function talk(folder, file, sample) {
  const port = await freePort();
  const code = sample.replaceAll("8080", String(port));
  if (code === sample) throw new Error("the sample does not listen on 8080");
  writeFileSync(join(folder, file), code);
  let program = file;
  if (file.endsWith(".ts")) {
    runIn(folder, "npx", ["tsc", ...TSC, "--outDir", "out", file]);
    program = `out/${file.replace(".ts", ".js")}`;
  }
  const server = spawn(process.execPath, [program], { cwd: folder, stdio: ["ignore", "inherit", "pipe"] });
  const ended = once(server, "exit");
  let said = "";
  server.stderr.on("data", (chunk) => (said += chunk));
  try {
    const path = /get\(\s*"([^"]+)"/.exec(sample)?.[1].replace(/:\w+/, "tea") ?? "/ws";
    const heard = await hello(`ws://127.0.0.1:${port}${path}`, () => server.exitCode);
    const expected = sample.includes("welcome to") ? ["welcome to tea", "hello"] : ["hello"];
    if (JSON.stringify(heard) !== JSON.stringify(expected)) throw new Error(`heard ${JSON.stringify(heard)} and not ${JSON.stringify(expected)}`);
  } catch (error) {
    throw new Error(`${error.message}; the server said ${JSON.stringify(said.slice(-2000))}`, { cause: error });
  } finally {
    server.kill();
    await ended;
  }
}

/** What the client has heard once its own word has come back. Tries again until the server listens. */
async function hello(url, exitCode) {
  const until = performance.now() + START_MS;
  for (;;) {
    const client = new WebSocket(url, { origin: url.replace(/^ws(:\/\/[^/]+).*$/, "http$1"), handshakeTimeout: 5000 });
    const heard = [];
    client.on("open", () => client.send("hello"));
    client.on("message", (data) => {
      heard.push(Buffer.concat([data].flat()).toString());
      if (heard.at(-1) === "hello") client.close();
    });
    const error = await new Promise((resolve) => {
      client.on("error", resolve);
      client.on("close", () => resolve(undefined));
    });
    if (error === undefined) return heard;
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
