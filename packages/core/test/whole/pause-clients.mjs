// Healthy clients in a process of their own, for pause.test.ts: each does the first half of something, prints "ready", and
// does the second half while the server is stopped. Then it prints what became of them, by kind.
import { connect } from "node:net";
import { setTimeout as after } from "node:timers/promises";
import { WebSocket } from "ws";

const [port, kinds, lingerMs] = [Number(process.argv[2]), process.argv[3].split(","), Number(process.argv[4])];
const EACH = 5;
/** For everybody to connect. */
const START_MS = 500;
/** Long enough for the server to have stopped, short enough for every deadline. */
const LATER_MS = 150;

const [started, paused] = [withResolvers(), withResolvers()];
/** When nothing more is expected of the server: clients that are still open then were not lost. */
const over = paused.promise.then(() => after(lingerMs));

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

async function open(path, options = {}) {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/${path}`, { perMessageDeflate: false, ...options });
  ws.on("error", () => {});
  await new Promise((resolve) => ws.once("open", resolve).once("close", resolve));
  return ws;
}

const message = (ws) => new Promise((resolve) => ws.once("message", (data) => resolve(data.toString())).once("close", () => resolve("closed")));
const ended = (ws) => new Promise((resolve) => ws.once("close", (code) => resolve(code)));

async function staysOpen(ws) {
  await over;
  return ws.readyState === WebSocket.OPEN;
}

async function twoFragments(path) {
  const ws = await open(path);
  await started.promise;
  ws.send("a", { fin: false });
  await paused.promise;
  ws.send("b", { fin: true });
  return (await message(ws)) === "ab";
}

/** Each does its first half, and returns whether all went well with the second. */
const halves = {
  async pongTimeoutMs(path) {
    const ws = await open(path, { autoPong: false });
    ws.on("ping", (data) => setTimeout(() => ws.pong(data), LATER_MS));
    await new Promise((resolve) => ws.once("ping", resolve));
    return staysOpen(ws);
  },
  async idleTimeoutMs(path) {
    const ws = await open(path);
    const talking = setInterval(() => ws.send("still here"), LATER_MS);
    ws.once("close", () => clearInterval(talking));
    return staysOpen(ws);
  },
  messageTimeoutMs: twoFragments,
  streamTimeoutMs: twoFragments,
  async writeTimeoutMs(path) {
    const ws = await open(path);
    await started.promise;
    ws.pause();
    ws.send("flood");
    await paused.promise;
    ws.resume();
    return (await message(ws)).length > 1_000_000;
  },
  async closeTimeoutMs(path) {
    const ws = await open(path);
    await started.promise;
    ws.pause();
    ws.send("close");
    await paused.promise;
    ws.resume();
    return (await ended(ws)) === 4000;
  },
  async graceMs(path) {
    const ws = await open(path);
    ws.pause();
    await paused.promise;
    ws.resume();
    return (await ended(ws)) === 1001;
  },
  async headTimeoutMs() {
    await started.promise;
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /page HTTP/1.1\r\nHo");
    await paused.promise;
    socket.write("st: a\r\n\r\n");
    const answer = await new Promise((resolve) => socket.once("data", resolve).once("close", () => resolve("")));
    return answer.toString().startsWith("HTTP/1.1 200");
  },
  async handshakeTimeoutMs(path) {
    await started.promise;
    return (await open(path)).readyState === WebSocket.OPEN;
  },
  async openTimeoutMs(path) {
    await started.promise;
    const ws = await open(path);
    ws.send("echo");
    return (await message(ws)) === "echo";
  },
  async patienceMs(path) {
    const ws = await open(path);
    const talking = setInterval(() => ws.send("at the rate"), 25);
    ws.once("close", () => clearInterval(talking));
    return staysOpen(ws);
  },
  /** Not a healthy one: it has to be found. */
  async dead(path) {
    const ws = await open(path, { autoPong: false });
    return (await ended(ws)) === 1006;
  },
};

const results = kinds.map((kind) => Promise.all(Array.from({ length: EACH }, () => halves[kind](kind))));
await after(START_MS);
started.resolve();
await after(LATER_MS / 3);
process.stdout.write("ready\n");
setTimeout(() => paused.resolve(), LATER_MS);
const all = await Promise.all(results);
process.stdout.write(`${JSON.stringify(Object.fromEntries(kinds.map((kind, at) => [kind, all[at].filter(Boolean).length])))}\n`);
process.exit();
