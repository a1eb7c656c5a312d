// npm run trace: walks through the built packages, and counts. Each function of ours tells when it is called (`trace-hooks.mjs`).
// A "stay" is a run of calls inside one file: how often a reader of the walk has to turn to another file. Fails over a limit.
// `npm run trace -- --walk` prints the files of each walk in order, with their calls.
import { once } from "node:events";
import { register } from "node:module";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { root } from "./run.mjs";

const { values, positionals } = parseArgs({ options: { walk: { type: "boolean" } }, allowPositionals: true });
// Another checkout may be given, to compare with.
const tree = resolve(positionals[0] ?? root);

const MEMBERS = 1000;
/** Broadcasts before the one that counts: by then every member is in a cohort. */
const WARM_UP = 20;
const TRIES = 5;
const LIMITS = { upgradeStays: 60, broadcastCalls: 100 };
/** What one handshake takes, and by which functions. Parses of the subprotocols are counted in a test of core. */
const ONCE = {
  "deadlines set": ["core/upgrade/pending-handshakes", "start", "add", "move"],
  "upgrade tests": ["core/checks/handshake", "isWebSocketUpgrade"],
  decisions: ["core/checks/decide", "decide"],
};

/** The calls of the walk that is recorded now. */
let calls;
globalThis.upwireTrace = (file, name) => calls?.push({ file, name });
register(new URL("trace-hooks.mjs", import.meta.url));

const load = (path) => import(pathToFileURL(join(tree, path)).href);
const core = await load("packages/core/dist/index.js");
const express = await load("packages/express/dist/index.js");
const { default: createApp } = await load("packages/express/node_modules/express/index.js");

const upgrade = await walkUpgrade();
const broadcast = await walkBroadcast();
report("Express upgrade", upgrade);
report(`settled broadcast to ${MEMBERS}`, broadcast);

const breaches = [];
if (stays(upgrade).length > LIMITS.upgradeStays) breaches.push(`the upgrade makes ${stays(upgrade).length} stays, at most ${LIMITS.upgradeStays}`);
if (broadcast.length > LIMITS.broadcastCalls) breaches.push(`the broadcast makes ${broadcast.length} calls, at most ${LIMITS.broadcastCalls}`);
for (const [what, [file, ...names]] of Object.entries(ONCE)) {
  const count = upgrade.filter((call) => call.file === file && names.includes(call.name)).length;
  console.log(`  ${what.padEnd(34)} ${count} (1)`);
  if (count !== 1) breaches.push(`${what} per handshake: ${count}, and it is to be 1`);
}
for (const breach of breaches) console.error(`x ${breach}`);
process.exit(breaches.length > 0 ? 1 : 0);

/** From the `upgrade` event to the `open` hook, and what is left to do for the response; other clients are connected. */
async function walkUpgrade() {
  let opened;
  const app = createApp();
  app.get("/ws", express.websocket({ open: () => opened() }));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  core.attach(server);
  const walk = async () => {
    const isOpen = new Promise((done) => (opened = done));
    const [client] = await Promise.all([connected(server), once(server, "connection")]);
    await turn();
    calls = [];
    client.write(handshake(server));
    await Promise.all([isOpen, once(client, "data")]);
    await turn();
    return taken();
  };
  await walk();
  return shortest(walk);
}

/** From `broadcast` to the last write. What a member's own message takes before that is not counted. */
async function walkBroadcast() {
  const hub = core.createHub();
  const app = createApp();
  app.get("/ws", express.websocket({ open: (connection) => (hub.add ?? hub.register).call(hub, connection) }));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  core.attach(server);
  const clients = [];
  for (let i = 0; i < MEMBERS; i++) {
    const client = await connected(server);
    client.write(handshake(server));
    await once(client, "data");
    clients.push(client);
  }
  const shout = async () => {
    const heard = clients.map((client) => once(client, "data"));
    hub.broadcast("hello");
    await Promise.all(heard);
  };
  for (let i = 0; i < WARM_UP; i++) await shout();
  return shortest(async () => {
    calls = [];
    await shout();
    return taken();
  });
}

/** Of several: a heartbeat may fall into one. */
async function shortest(walk) {
  const walks = [];
  for (let i = 0; i < TRIES; i++) walks.push(await walk());
  return walks.toSorted((a, b) => a.length - b.length)[0];
}

async function connected(server) {
  const client = connect(server.address().port, "127.0.0.1");
  await once(client, "connect");
  return client;
}

/** As a browser sends it. */
function handshake(server) {
  const host = `127.0.0.1:${server.address().port}`;
  return `GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://${host}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
}

function taken() {
  const walk = calls;
  calls = undefined;
  return walk;
}

function stays(walk) {
  const found = [];
  for (const { file, name } of walk) {
    if (found.at(-1)?.file === file) found.at(-1).names.push(name);
    else found.push({ file, names: [name] });
  }
  return found;
}

function report(title, walk) {
  const files = new Set(walk.map(({ file }) => file)).size;
  console.log(`${title.padEnd(36)} ${walk.length} calls, ${stays(walk).length} stays in ${files} files`);
  if (values.walk) for (const { file, names } of stays(walk)) console.log(`    ${file}: ${names.join(" ")}`);
}
