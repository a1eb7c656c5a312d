import { spawn } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { attach, Upgrader, type Attachment, type Connection, type IncomingStream, type UpgraderOptions } from "@upwire/core";
import { expect, it, onTestFinished } from "vitest";
import { defaults } from "../../src/base/defaults.ts";

const CLIENTS = fileURLToPath(new URL("pause-clients.mjs", import.meta.url));
const EACH = 5;
const SHORT_MS = 1000;
/** More than twice each of the short deadlines, or longer than the default time for a pong. */
const [PAUSE_MS, LONG_PAUSE_MS] = [2500, 22_000];
const MIB = 1024 * 1024;

type Rows = Readonly<Record<string, UpgraderOptions>>;

/** Application code that comes due during the pause, and then has some turns of the event loop to go. */
async function busy(): Promise<void> {
  await new Promise((due) => setTimeout(due, 0.6 * SHORT_MS));
  for (let turns = 5; turns > 0; turns--) await new Promise((turn) => setImmediate(turn));
}

/** Every deadline of a connection, and what else it needs to be seen. */
const rows: Rows = {
  pongTimeoutMs: { pingIntervalMs: 200 },
  idleTimeoutMs: {},
  messageTimeoutMs: {},
  streamTimeoutMs: {},
  writeTimeoutMs: { maxQueueBytes: 64 * MIB },
  closeTimeoutMs: {},
  headTimeoutMs: {},
  handshakeTimeoutMs: { authorize: () => busy().then(() => ({})) },
  openTimeoutMs: {},
  patienceMs: { rateLimit: { messagesPerSecond: 50, messageBurst: 10, patienceMs: SHORT_MS } },
};
/** A time between pings is no deadline of the client. */
const notDeadlines = new Set(["pingIntervalMs"]);
const short = (name: string): object => (name in defaults.connection || name in defaults.upgrade ? { [name]: SHORT_MS } : {});

const streaming = {
  async stream(connection: Connection, { readable }: IncomingStream) {
    let text = "";
    for await (const chunk of readable) text += Buffer.from(chunk).toString();
    connection.send(text);
  },
};

interface Trial {
  /** How many of each kind fared well. */
  readonly results: Record<string, number>;
  /** What the server did to any of them. */
  readonly ended: readonly string[];
}

type Pause = (ms: number) => Promise<void>;

const pauses: Readonly<Record<string, Pause>> = {
  // As a busy loop does, but other processes may use its core.
  "a blocked event loop": async (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  "a stopped process": async (ms) => {
    // Not by its client: should that fail, this process would stand still for ever.
    const stopper = spawn("sh", ["-c", `kill -STOP ${process.pid}; sleep ${ms / 1000}; kill -CONT ${process.pid}`]);
    await once(stopper, "close");
  },
};

const handler = {
  async open(connection: Connection) {
    if (connection.request.url === "/openTimeoutMs") await busy();
  },
  message(connection: Connection, message: { text(): string }) {
    const text = message.text();
    if (text === "flood") connection.send(Buffer.alloc(6 * MIB));
    else if (text === "close") connection.close(4000, "");
    else connection.send(text);
  },
};

/** Stops this process in the middle of everything. @param limitsOf What a kind of client has for limits. */
async function trial(
  kinds: readonly string[],
  pause: () => Promise<void>,
  limitsOf: (name: string) => UpgraderOptions,
  attachOptions: object,
  lingerMs: number,
): Promise<Trial> {
  const ended: string[] = [];
  const upgraders = new Map<string, Upgrader>();
  for (const name of kinds) {
    upgraders.set(`/${name}`, new Upgrader({ ...limitsOf(name), onReject: ({ code }) => void ended.push(`${name}: ${code}`) }));
  }
  const closed = (name: string, connection: Connection): void => {
    connection.onClose(({ wasClean }) => void (wasClean || name === "dead" || ended.push(`${name}: not clean`)));
  };
  const server = createServer((req, res) => {
    const upgrader = upgraders.get(req.url ?? "");
    if (upgrader === undefined) {
      res.end("page");
      return;
    }
    const name = (req.url ?? "").slice(1);
    const error = (_: Connection, { code }: { readonly code: string }): void => void (name === "dead" || ended.push(`${name}: ${code}`));
    void upgrader
      .upgrade(req, res, { ...(name === "streamTimeoutMs" ? streaming : handler), error })
      .then((connection) => connection && closed(name, connection));
  });
  const attachment: Attachment = attach(server, attachOptions);
  const dropped = (message: unknown): void => void ended.push((message as { readonly code: string }).code);
  subscribe("upwire:dropped", dropped);
  onTestFinished(() => void unsubscribe("upwire:dropped", dropped));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clients = spawn(process.execPath, [CLIENTS, String(port), kinds.join(","), String(lingerMs)], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(async () => {
    clients.kill("SIGKILL");
    await attachment.close({ graceMs: 0 });
    server.close();
  });
  const lines = createInterface(clients.stdout)[Symbol.asyncIterator]();
  await lines.next();
  if (kinds.includes("graceMs")) void attachment.close({ graceMs: SHORT_MS });
  await pause();
  const before = [...ended];
  const { value } = (await lines.next()) as { readonly value: string };
  return { results: JSON.parse(value) as Record<string, number>, ended: kinds.includes("dead") ? ended : [...new Set([...before, ...ended])] };
}

const allWell = (kinds: readonly string[]): Record<string, number> => Object.fromEntries(kinds.map((kind) => [kind, EACH]));

it("has a healthy client for every deadline", () => {
  const deadlines = Object.keys({ ...defaults.upgrade, ...defaults.connection, ...defaults.attach }).filter(
    (name) => /(?:Timeout|Interval)Ms$/.test(name) && !notDeadlines.has(name),
  );
  expect(deadlines.filter((name) => !(name in rows))).toEqual([]);
});

for (const [name, pause] of Object.entries(pauses)) {
  it(`loses no healthy client to ${name} that is longer than every deadline, and finds a dead one afterwards`, { timeout: 30_000 }, async () => {
    const kinds = [...Object.keys(rows), "dead"];
    const limitsOf = (kind: string): UpgraderOptions =>
      kind === "dead" ? { pingIntervalMs: 200, pongTimeoutMs: SHORT_MS } : { ...short(kind), ...rows[kind] };
    const attachOptions = { headTimeoutMs: SHORT_MS, handshakeTimeoutMs: SHORT_MS };
    const { results, ended } = await trial(kinds, () => pause(PAUSE_MS), limitsOf, attachOptions, PAUSE_MS + 4 * SHORT_MS);
    expect({ results, ended }).toEqual({ results: allWell(kinds), ended: [] });
  });

  it(`closes everybody cleanly although ${name} takes the grace time`, { timeout: 30_000 }, async () => {
    const { results, ended } = await trial(
      ["graceMs"],
      () => pause(PAUSE_MS),
      () => ({}),
      {},
      PAUSE_MS,
    );
    expect({ results, ended }).toEqual({ results: { graceMs: EACH }, ended: [] });
  });
}

// Takes a minute. UPWIRE_LONG_PAUSE=1 npx vitest run ... pause
it.runIf(process.env["UPWIRE_LONG_PAUSE"] === "1").each(Object.entries(pauses))(
  "loses no healthy client to %s of 22 s at the default limits",
  { timeout: 120_000 },
  async (_name, pause) => {
    const kinds = Object.keys(rows);
    // Pings come sooner, so that some are under way.
    const { results, ended } = await trial(
      kinds,
      () => pause(LONG_PAUSE_MS),
      (kind) => ({ ...rows[kind], pingIntervalMs: 1000 }),
      {},
      LONG_PAUSE_MS + 25_000,
    );
    expect({ results, ended }).toEqual({ results: allWell(kinds), ended: [] });
  },
);
