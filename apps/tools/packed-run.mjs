// Programs of applications that listen or print, for packed-cluster.mjs.
import { once } from "node:events";
import { connect as connectTo } from "node:net";
import { WebSocket } from "ws";
import { freePort, start, write } from "./packed-app.mjs";

/** How long a line of output or an answer may take. Milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * Runs `files.server` until `run` is through.
 * @param listens The ports that stand in it: each becomes a free one, and has to listen before `run` is called.
 * @param entries What to compile beside the server.
 */
export async function serving(folder, language, files, { listens = [], entries = [], flags, env }, run) {
  const ports = [];
  let code = files.server;
  for (const port of listens) {
    const free = await freePort();
    ports.push(free);
    if (!code.includes(port)) throw new Error(`the sample does not listen on ${port}`);
    code = code.replaceAll(port, String(free));
  }
  const built = write(folder, language, { ...files, server: code }, ["server", ...entries]);
  const server = start(folder, `${built}server.js`, { flags, env });
  try {
    for (const port of ports) await until(() => isListening(port, server), `it listens on ${port}`);
    await run({ ports, server, built });
  } catch (error) {
    throw new Error(`${error.message}; it printed ${JSON.stringify(server.printed.slice(-1000))} and said ${JSON.stringify(server.said.slice(-1500))}`, {
      cause: error,
    });
  } finally {
    await server.stop();
  }
}

/** Runs `files.server` until it has printed these texts and, unless it goes on, ended well. */
export async function printing(folder, language, files, { lines, goesOn = false, env }) {
  await serving(folder, language, files, { env }, async ({ server }) => {
    await until(() => lines.every((line) => server.printed.includes(line)) || server.exitCode !== null, `it prints ${lines.join(", ")}`);
    if (!goesOn) await until(() => server.exitCode !== null, "it ends by itself");
    const missing = lines.filter((line) => !server.printed.includes(line));
    if (missing.length > 0 || (!goesOn && server.exitCode !== 0)) throw new Error(`it ended with ${server.exitCode} and has not printed ${missing.join(", ")}`);
  });
}

/** A client, which tries again until its server listens. `heard` has the texts that came. */
export async function connect(port, path = "/", subprotocols = []) {
  let socket;
  await until(async () => {
    socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, subprotocols);
    return Promise.race([once(socket, "open").then(() => true), once(socket, "close").then(() => false)]).catch(() => false);
  }, "a client connects");
  const heard = [];
  socket.on("message", (data) => heard.push(Buffer.concat([data].flat()).toString()));
  return { heard, send: (text) => socket.send(text), close: () => socket.close() };
}

/** Looks whether `/metrics` has these lines, and `/ready` says yes. */
export async function scraped(port, lines) {
  const got = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await got.text();
  const missing = lines.filter((line) => !text.includes(`\n${line}\n`));
  if (got.status !== 200 || missing.length > 0) throw new Error(`/metrics answered ${got.status} without ${missing.join(", ")}`);
  const ready = await fetch(`http://127.0.0.1:${port}/ready`);
  const body = await ready.text();
  if (ready.status !== 200 || body !== '{"ready":true,"reasons":[]}') throw new Error(`/ready answered ${ready.status} ${body}`);
}

export async function until(isSo, what) {
  const end = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function isListening(port, server) {
  if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}`);
  const socket = connectTo(port, "127.0.0.1");
  const isOpen = await Promise.race([once(socket, "connect").then(() => true), once(socket, "close").then(() => false)]).catch(() => false);
  socket.destroy();
  return isOpen;
}
