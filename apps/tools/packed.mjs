// npm run packed: what a customer does first, with the packages as npm would deliver them. For each framework an application outside
// of the repository, made of the lines of the package's README alone: its install lines, with tarballs in place of names, and its first
// sample, as JavaScript and as TypeScript. The samples of the front README too, and those of realtime, client, cluster, redis and metrics. A
// client talks to each. It needs a network, and takes about six minutes; `npm run packed -- cluster` tries the last three alone, in two.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { appFolder, check as isRight, freePort, install, LANGUAGES, onPort, readmeOf, runIn, samplesOf, start, write } from "./packed-app.mjs";
import { tryCluster } from "./packed-cluster.mjs";
import { tryRealtime, tryRealtimeOn } from "./packed-realtime.mjs";
import { root } from "./run.mjs";

const FRAMEWORKS = ["express", "fastify", "hono", "koa", "core"];
/** How long a server may take until it listens. Milliseconds. */
const START_MS = 15_000;

let failed = 0;
const isClusterAlone = process.argv[2] === "cluster";
if (!isClusterAlone) await tryServers();
await tryCluster(check);
process.exitCode = failed === 0 ? 0 : 1;

async function tryServers() {
  await tryFrameworks();
  await tryRealtime(check);
  await tryFront();
  await tryTesting();
}

async function tryFrameworks() {
  for (const name of FRAMEWORKS) {
    const { installs, sample } = readmeOf(`packages/${name}/README.md`);
    const folder = appFolder(name);
    for (const line of installs) install(folder, line);
    const path = /get\(\s*"([^"]+)"/.exec(sample)?.[1].replace(/:\w+/, "tea") ?? "/ws";
    const expected = sample.includes("welcome to") ? ["welcome to tea", "hello"] : ["hello"];
    for (const language of LANGUAGES) await check(`${name}, ${language}`, () => talk(folder, language, { server: sample }, { path, expected }));
    if (["fastify", "hono", "koa"].includes(name)) await tryRealtimeOn(name, folder, sample, check);
  }
}

async function tryFront() {
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

async function tryTesting() {
  const { installs, sample } = readmeOf("packages/testing/README.md");
  const folder = appFolder("testing");
  // Nothing of a test framework: connectTo needs none.
  for (const line of [...installs, "npm install @upwire/core"]) install(folder, line);
  writeFileSync(join(folder, "route.test.js"), sample);
  await check("testing, under node:test", () => runIn(folder, process.execPath, ["--test", "route.test.js"]));
}

async function check(what, run) {
  if (!(await isRight(what, run))) failed++;
}

/** Starts `files.server`, beside the other files, on a free port, says hello and hears what is expected: texts, or patterns of them. */
async function talk(folder, language, files, { path = "/ws", headers = {}, expected }) {
  const port = await freePort();
  const built = write(folder, language, { ...files, server: onPort(files.server, port) }, ["server"]);
  const server = start(folder, `${built}server.js`);
  try {
    const heard = await hello(`ws://127.0.0.1:${port}${path}`, headers, () => server.exitCode);
    const isExpected = heard.length === expected.length && expected.every((one, at) => (one instanceof RegExp ? one.test(heard[at]) : one === heard[at]));
    if (!isExpected) throw new Error(`heard ${JSON.stringify(heard)} and not ${expected.join(", ")}`);
  } catch (error) {
    throw new Error(`${error.message}; the server said ${JSON.stringify(server.said.slice(-2000))}`, { cause: error });
  } finally {
    await server.stop();
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
