// The part of packed.mjs about @upwire/realtime and @upwire/client: their READMEs and the first page of their guide, on Express, and a
// resume on every other framework. What a page would run is run in Node, with the little of a page that it uses.
import { createClient } from "@upwire/client";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { WebSocket } from "ws";
import { appFolder, freePort, install, LANGUAGES, onPort, readmeOf, samplesOf, start, write } from "./packed-app.mjs";
import { root } from "./run.mjs";

/** How long a line of output or a message may take. Milliseconds. */
const PATIENCE_MS = 15_000;
const GUIDE = "apps/docs/realtime/start.md";
const REALTIME = "packages/realtime/README.md";
const CLIENT = "packages/client/README.md";

/** All install lines of a page: in its text, or lines of a block. */
function installsOf(path) {
  const found = readFileSync(join(root, path), "utf8").matchAll(/(?:^|`)(npm install [^`\n]+)/gm);
  return [...found].map(([, line]) => line);
}

/** Everything on Express. @param check Runs one check. */
export async function tryRealtime(check) {
  const [guideServer, guidePage] = samplesOf(GUIDE);
  const guide = appFolder("guide");
  for (const line of installsOf(GUIDE)) install(guide, line);
  for (const language of LANGUAGES) await check(`the guide's resume, ${language}`, () => resume(guide, language, { server: guideServer }, guidePage));

  const [plain, withContract] = samplesOf(REALTIME);
  const [, subscribe] = /`(\{"type":"upwire\.subscribe"[^`]+)`/.exec(readFileSync(join(root, REALTIME), "utf8"));
  const folder = appFolder("realtime");
  for (const line of installsOf(REALTIME)) install(folder, line);
  const route = withoutRealtime(plain);
  for (const language of LANGUAGES) {
    await check(`realtime README, ${language}`, () => served(folder, language, { server: plain }, (port) => replay(port, subscribe)));
    await check(`realtime README, contract, ${language}`, () =>
      served(folder, language, { server: route, realtime: withContract }, (port) => keepContract(port)),
    );
  }

  const [contract, page] = samplesOf(CLIENT);
  const both = appFolder("client");
  for (const line of [...installsOf(REALTIME), ...readmeOf(CLIENT).installs]) install(both, line);
  const files = { server: route, realtime: CONTRACT_SERVER, contract };
  for (const language of LANGUAGES) {
    await check(`client README, ${language}`, () =>
      served(both, language, files, (port, built) => onPage(built, port, async (tab) => tab.prints(["open", "here", "hi", "typing true"])), page),
    );
  }
}

/** The guide's realtime on the first sample of another framework's README. */
export async function tryRealtimeOn(name, folder, sample, check) {
  const [guideServer, page] = samplesOf(GUIDE);
  install(folder, "npm install @upwire/realtime @upwire/client");
  const realtime = `${/^import \{ createRealtime.*$/m.exec(guideServer)[0]}\n${/^export const realtime[^]*?^\}\);$/m.exec(guideServer)[0]}\n`;
  const server = `import { realtime } from "./realtime.ts";\n${sample.replace(/"\/rooms\/:room"/, '"/ws"').replace(/websocket\(\{[^]*?\n {2}\}\)/, "websocket(realtime)")}`;
  for (const language of LANGUAGES) await check(`${name}, a resume, ${language}`, () => resume(folder, language, { server, realtime }, page));
}

/** A server for the contract of the client's README. It asks the events back, so that all three kinds are seen. */
const CONTRACT_SERVER = `
import { createRealtime } from "@upwire/realtime";
import { contract } from "./contract.ts";

const texts = ["here"];
export const realtime = createRealtime(contract, {
  events: { typing: ({ payload }) => void realtime.topic("room:{room}", { room: "tea" }).publish("message", { text: \`typing \${payload.on}\` }) },
  requests: { rename: () => ({ done: true }) },
  topics: { "room:{room}": { canSubscribe: () => true, canPublish: ({ payload }) => texts.push(payload.text) > 0, state: () => texts } },
});
`;

/** The lines of a sample that serve `realtime`, which is another file's. */
function withoutRealtime(sample) {
  const imports = sample.match(/^import .*$/gm).filter((line) => !line.includes("@upwire/realtime"));
  return [...imports, 'import { realtime } from "./realtime.ts";', /^const app[^]*?^attach\(.*$/m.exec(sample)[0], ""].join("\n");
}

/** Starts the server, and the compiled page is there too. @param run Gets the port, and where the compiled files are. */
async function served(folder, language, files, run, page) {
  const port = await freePort();
  const pages = page === undefined ? {} : { page };
  const built = write(folder, language, { ...files, ...pages, server: onPort(files.server, port) }, ["server", ...Object.keys(pages)]);
  const server = start(folder, `${built}server.js`);
  try {
    await listening(port, server);
    await run(port, { folder, page: `${built}page.js` });
  } catch (error) {
    throw new Error(`${error.message}; the server said ${JSON.stringify(server.said.slice(-2000))}`, { cause: error });
  } finally {
    await server.stop();
  }
}

/** The guide: a page that is cut off misses two messages, and gets them. */
function resume(folder, language, files, page) {
  const run = async (port, built) => {
    const line = await openLine(port);
    const other = createClient(`http://127.0.0.1:${port}/ws`, { WebSocket });
    try {
      const tea = other.topic("room:{room}", { room: "tea" });
      const heard = [];
      tea.on("message", ({ text }) => heard.push(text));
      await new Promise((resolve) => tea.onSubscribed(resolve));
      await onPage(built, line.port, async (tab) => {
        await tab.prints(["here from now on"]);
        // The page itself hears it only when its subscribe was answered before.
        await until(
          () => heard.includes("hi"),
          () => `heard ${heard.join(", ")}`,
        );
        line.cut();
        for (const text of ["two", "three"]) await tea.publish("message", { text });
        line.mend();
        await tab.prints(["here from now on", "back, 2 missed messages follow", "two", "three"]);
      });
    } finally {
      other.close();
      line.close();
    }
  };
  return served(folder, language, files, run, page);
}

/** What the README says to type into wscat. */
async function replay(port, subscribe) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?name=ann`, ["upwire.v1"]);
  const heard = [];
  socket.on("open", () => socket.send(subscribe));
  socket.on("message", (data) => heard.push(JSON.parse(Buffer.concat([data].flat()).toString())));
  await until(
    () => heard.length >= 3,
    () => `heard ${JSON.stringify(heard)}`,
  );
  socket.close();
  const [hello, reply, publication] = heard;
  if (hello.type !== "upwire.hello" || reply.re !== 1 || publication.payload.text !== "hi") throw new Error(`heard ${JSON.stringify(heard)}`);
}

/** The contract of the README, kept to and broken. */
async function keepContract(port) {
  const client = createClient(`http://127.0.0.1:${port}/ws`, { WebSocket });
  try {
    const answer = await client.request("rename", { name: "much longer than twenty characters" }).catch((error) => error);
    if (answer.code !== "invalid_payload") throw new Error("a name against the contract was not refused by it", { cause: answer });
    const told = [];
    const tea = client.topic("room:{room}", { room: "tea" });
    tea.on("state", (state) => told.push(...state));
    tea.on("message", ({ text }) => told.push(text));
    await new Promise((resolve) => tea.onSubscribed(resolve));
    const { offset } = await tea.publish("message", { text: "hi" });
    await until(
      () => told.length >= 2,
      () => `told ${told.join(", ")}`,
    );
    if (told.join() !== "you are in tea,hi" || offset !== 1) throw new Error(`told ${told.join(", ")} with offset ${offset}`);
  } finally {
    client.close();
  }
}

/** Runs the page's script against a port. */
async function onPage({ folder, page }, port, run) {
  const stand = join(folder, "stand-in.mjs");
  const address = JSON.stringify(`http://127.0.0.1:${port}/`);
  writeFileSync(
    stand,
    `import { WebSocket } from "ws";
globalThis.WebSocket ??= WebSocket;
globalThis.location = { href: ${address} };
globalThis.sessionStorage = { getItem: () => null };
`,
  );
  const tab = start(folder, page, { flags: ["--import", "./stand-in.mjs"] });
  /** In this order, with anything between them. */
  tab.prints = (texts) => {
    const pattern = new RegExp(texts.join("[^]*"));
    return until(
      () => pattern.test(tab.printed) || tab.exitCode !== null,
      () => "no end",
    ).then(() => {
      if (!pattern.test(tab.printed)) throw new Error(`the page printed ${JSON.stringify(tab.printed)} and said ${JSON.stringify(tab.said)}`);
    });
  };
  try {
    await run(tab);
  } catch (error) {
    throw new Error(`${error.message}; the page printed ${JSON.stringify(tab.printed)} and said ${JSON.stringify(tab.said)}`, { cause: error });
  } finally {
    await tab.stop();
  }
}

/** A network between page and server that can be cut. */
async function openLine(port) {
  const sockets = new Set();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    for (const [one, two] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one.on("error", () => {}).on("close", () => two.destroy());
      one.pipe(two);
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: server.address().port,
    cut() {
      isCut = true;
      destroyAll();
    },
    mend: () => void (isCut = false),
    close() {
      server.close();
      destroyAll();
    },
  };
}

async function listening(port, server) {
  const isUp = () =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
  const end = performance.now() + PATIENCE_MS;
  while (!(await isUp())) {
    if (server.exitCode !== null || performance.now() > end) throw new Error("it does not listen");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function until(isSo, describe) {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`${describe()} after ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
