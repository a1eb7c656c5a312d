// Two nodes of a cluster, each a process of its own (cluster-node.mjs), judged from outside: what crosses from one to the other, metrics
// and readiness of every framework, a node that is killed, a broker that goes, a node that drains and ends. For runtimes.mjs and packed.mjs.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { redisMissing, startRedis } from "@upwire/testing/redis";
import { WebSocket } from "ws";

export const CLUSTER_NODE = fileURLToPath(new URL("cluster-node.mjs", import.meta.url));
/** How long anything may take. Milliseconds. */
const PATIENCE_MS = 30_000;
const TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The brokers that the program makes. */
export const BROKERS = ["mesh", "url", "ioredis", "node-redis"];

/** Gives `run` a place for a broker: a folder, or a Redis of its own. @returns what `run` returns, or a reason when Redis is missing. */
export async function withPlace(broker, run) {
  if (broker === "mesh") {
    const folder = mkdtempSync(join(tmpdir(), "upwire-nodes-"));
    try {
      return await run({ place: folder });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const missing = redisMissing();
  if (missing !== undefined) return missing;
  const redis = await startRedis();
  try {
    return await run({ place: redis.url, redis });
  } finally {
    await redis.close();
  }
}

/**
 * @param runtimes One for each of two nodes: `program`, with `flags`, `script` (a copy of cluster-node.mjs) and `cwd`.
 * @param redis What it goes down with; without it the broker stays up.
 * @returns what was seen to hold
 * @throws Error that says what was not
 */
export async function judgeCluster(broker, runtimes, { place, redis }) {
  const seen = [];
  const nodes = [];
  const holds = async (what, run) => {
    try {
      await run();
    } catch (error) {
      const said = nodes.map((node) => node.said.trim().slice(-1000)).filter((text) => text !== "");
      throw new Error(`${what}: ${error.message}${said.length > 0 ? `; the nodes said ${said.join(" and ")}` : ""}`, { cause: error });
    }
    seen.push(what);
  };
  try {
    await holds("two nodes start and see each other", async () => {
      const starts = await Promise.allSettled(runtimes.map((runtime) => startNode(runtime, [broker, place])));
      nodes.push(...starts.flatMap(({ value }) => value ?? []));
      for (const { reason } of starts) if (reason !== undefined) throw reason;
      const names = new Set(nodes.map(({ node }) => node));
      for (const node of nodes) await until(async () => isDeepStrictEqual(new Set(await node.call("nodes")), names), "they know each other");
    });
    const [a, b] = nodes;
    await holds("what is sent on one arrives on the other", () => crosses(a, b));
    await holds("every framework serves metrics", () => serveMetrics(a));
    if (redis !== undefined) await holds("not ready while the broker is down, and ready again", () => brokerGoes(a, redis));
    await holds("a node that is killed is missed", async () => {
      b.kill();
      await until(async () => (await a.call("nodes")).length === 1, "it is gone");
      same(await a.call("size"), { size: 0, missing: [] }, "the size of the room");
    });
    await holds("not ready while it drains, and it ends by itself", async () => {
      await a.call("drain");
      await allReady(a, { status: 503, reasons: ["attachment main is shutting down"] });
      await a.call("end");
      same(await a.ended(), 0, "the code that it ended with");
    });
    return seen;
  } finally {
    for (const node of nodes) node.kill();
  }
}

async function startNode({ program = process.execPath, flags = [], script = CLUSTER_NODE, cwd }, args) {
  const child = spawn(program, [...flags, script, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const node = { said: "", kill: () => child.kill("SIGKILL") };
  child.stderr.on("data", (chunk) => (node.said += chunk));
  const exited = once(child, "exit").then(([code, signal]) => code ?? signal);
  const first = once(createInterface({ input: child.stdout }), "line").then(([line]) => JSON.parse(line));
  const early = exited.then((how) => Promise.reject(new Error(`a node ended with ${how}: ${node.said.slice(-1500)}`)));
  early.catch(() => {});
  const listens = await within(Promise.race([first, early]), "it listens").catch((error) => {
    node.kill();
    throw error;
  });
  const call = async (name) => {
    const { result, error } = await (await fetch(`http://127.0.0.1:${listens.control}/call/${name}`)).json();
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return result;
  };
  return Object.assign(node, listens, { call, ended: () => within(exited, "it ends by itself") });
}

/** A topic with its history, a room, a user. */
async function crosses(a, b) {
  const ann = await connect(a, "ann");
  const bob = await connect(b, "bob");
  for (const client of [ann, bob]) client.say({ type: "upwire.subscribe", id: 1, topic: "room:tea" });
  const answer = await ann.hears(({ re }) => re === 1);
  await bob.hears(({ re }) => re === 1);
  bob.say({ type: "message", id: 2, topic: "room:tea", payload: "across" });
  await bob.hears(({ re, payload }) => re === 2 && payload.offset === 1);
  await ann.hears(({ topic, offset, payload }) => topic === "room:tea" && offset === 1 && payload === "across");
  same(await b.call("publish"), { offset: 2, delivery: "cluster" }, "a publish of the server");
  await ann.hears(({ offset, payload }) => offset === 2 && payload === "of the server");

  const reached = (count) => ({ reached: count, missing: [], delivery: "cluster" });
  // That a room has members on another node may still be on its way there.
  await until(async () => isDeepStrictEqual(await a.call("room"), reached(2)), "the room of both nodes is reached");
  await bob.hears(({ text }) => text === "to the room");
  await until(async () => isDeepStrictEqual(await b.call("user"), reached(1)), "a user of the other node is reached");
  await ann.hears(({ type, payload }) => type === "news" && payload === "to ann");
  same(await b.call("size"), { size: 2, missing: [] }, "the size of the cluster");

  // A client comes back on the other node, and gets what it missed there.
  ann.close();
  const { epoch } = answer.payload;
  const back = await connect(b, "ann");
  back.say({ type: "upwire.subscribe", id: 1, topic: "room:tea", since: { epoch, offset: 1 } });
  await back.hears(({ re, payload }) => re === 1 && payload.resumed === true && payload.after === 1);
  await back.hears(({ offset, payload }) => offset === 2 && payload === "of the server");
  for (const client of [back, bob]) client.close();
}

async function serveMetrics({ ports, node }) {
  for (const [name, port] of Object.entries(ports)) {
    const url = `http://127.0.0.1:${port}/metrics`;
    const got = await fetch(url);
    const text = await got.text();
    same([got.status, got.headers.get("content-type"), got.headers.get("cache-control")], [200, TEXT_TYPE, "no-store"], `${name}, GET`);
    for (const line of ['upwire_broker_nodes{broker="main"} 2', 'upwire_broker_state{broker="main",state="up"} 1', "upwire_process_ready 1"]) {
      if (!text.includes(`\n${line}\n`)) throw new Error(`${name}: no line ${line}`);
    }
    const delay = /\nupwire_process_event_loop_delay_max_seconds ([\d.e-]+)\n/.exec(text)?.[1];
    if (!text.includes(`node="${node}"`) || !(Number(delay) > 0)) throw new Error(`${name}: no name of the node, or no delay of its event loop: ${delay}`);
    // A runtime that does not measure this must not say 0.
    if (/\nupwire_process_event_loop_time_seconds_total\{state="active"\} 0\n/.test(text)) throw new Error(`${name}: an event loop that never worked`);
    const head = await fetch(url, { method: "HEAD" });
    same([head.status, head.headers.get("content-type"), await head.text()], [200, TEXT_TYPE, ""], `${name}, HEAD`);
    const post = await fetch(url, { method: "POST" });
    await post.text();
    same([post.status, post.headers.get("allow")], [405, "GET, HEAD"], `${name}, POST`);
  }
  await allReady({ ports }, { status: 200, reasons: [] });
}

async function allReady({ ports }, { status, reasons }) {
  for (const [name, port] of Object.entries(ports)) {
    const answer = await fetch(`http://127.0.0.1:${port}/ready`);
    same([answer.status, await answer.json()], [status, { ready: status === 200, reasons }], `${name}, /ready`);
  }
}

async function brokerGoes(node, redis) {
  await redis.kill9();
  await until(async () => (await node.call("state")) === "down", "the broker is down");
  await allReady(node, { status: 503, reasons: ["broker main is down"] });
  await redis.restart();
  await until(async () => (await node.call("state")) === "up", "the broker is up again");
  await allReady(node, { status: 200, reasons: [] });
}

/** A client that speaks upwire.v1. What is no JSON it hears as `{ text }`. */
async function connect({ port }, name) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/?as=${name}`, ["upwire.v1"]);
  const heard = [];
  socket.on("message", (data) => {
    const text = Buffer.concat([data].flat()).toString();
    heard.push(text.startsWith("{") ? JSON.parse(text) : { text });
  });
  socket.on("error", () => {});
  await within(once(socket, "open"), "a client connects");
  return {
    say: (message) => socket.send(JSON.stringify(message)),
    async hears(isIt) {
      await until(
        () => heard.some(isIt),
        () => `it heard ${JSON.stringify(heard)}`,
      );
      return heard.find(isIt);
    },
    close: () => socket.close(),
  };
}

function same(found, expected, what) {
  if (!isDeepStrictEqual(found, expected)) throw new Error(`${what}: ${JSON.stringify(found)} and not ${JSON.stringify(expected)}`);
}

async function until(isSo, what) {
  const end = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${PATIENCE_MS} ms: ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
