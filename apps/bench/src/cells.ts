import type { Workload } from "./driver/job.ts";
import type { Load } from "./rows/row.ts";
import { catalogue } from "./catalogue.ts";

/** One situation in which rows are compared. */
export interface Cell {
  readonly title: string;
  readonly load: Load;
  readonly workload: Workload;
  readonly clients: number;
  readonly payloadBytes: number;
  readonly rooms?: number;
  readonly warmUpMs: number;
  /** The warm-up lasts until there were as many, too: code that ran a few hundred times is not what a server runs. */
  readonly warmUpDeliveries?: number;
  readonly windowMs: number;
  readonly rows: readonly string[];
  /** For the Node processes of the servers. */
  readonly nodeArguments?: readonly string[];
  /** More rounds than this tell nothing new. */
  readonly maxRounds?: number;
  /** As many rounds as it takes to see a few hundredths; for all rows, unless rounds are asked for. */
  readonly rounds?: number;
  /** The row that the others are divided by. @default "ws" */
  readonly base?: string;
  /** What `--quick` changes; without it the cell is left out there. */
  readonly quick?: Partial<Pick<Cell, "title" | "clients" | "warmUpMs" | "warmUpDeliveries" | "windowMs" | "rows" | "rounds">>;
}

const CONTROLS = ["ws", "ws-framed", "raw-net", "raw-net-joined"];
const GORILLA = ["gorilla", "gorilla-glued"];
const MAIN = ["upwire", ...CONTROLS, "socketio", ...GORILLA];
const ALONE = Object.keys(catalogue).filter((name) => catalogue[name]?.onlyOpens === true);
/** They differ from `upwire` only where they have a cell. */
const OF_TOPICS = Object.keys(catalogue).filter((name) => catalogue[name]?.ofTopics === true);
const SPECIAL = ["upwire-ws-reader", "upwire-shared-history", ...ALONE, ...OF_TOPICS];
const EVERYBODY = Object.keys(catalogue).filter((name) => !SPECIAL.includes(name));
const WEBSOCKET = EVERYBODY.filter((name) => !name.startsWith("raw-net") && name !== "gorilla-glued");
const PLAIN: Load = { mode: "broadcast", deflate: false };
const TIMES = { warmUpMs: 700, windowMs: 1500 };
/**
 * V8 grows its space for new objects to 32 MB in any burst and gives it back some seconds later: that is nothing of a
 * connection's. And 8 s after the collection that we ask for it begins another one, which is nothing of being idle.
 */
const NOTHING_OF_V8 = ["--max-semi-space-size=1", "--no-memory-reducer"];
const QUICK_TIMES = { warmUpMs: 500, windowMs: 700 };

/** So many senders have one message each on its way, and send the next when all have it. */
function inFlight(count: number, details: Partial<Cell> = {}): Cell {
  const clients = details.clients ?? 1000;
  const payloadBytes = details.payloadBytes ?? 64;
  return {
    title: `broadcast, ${clients.toLocaleString("en")} clients, ${sizeOf(payloadBytes)}, ${count} in flight`,
    load: PLAIN,
    workload: { kind: "closed", groups: 1, publishersPerGroup: count, inFlight: 1 },
    clients,
    payloadBytes,
    ...TIMES,
    rows: MAIN,
    ...details,
  };
}

function rate(perSecond: number, details: Partial<Cell> = {}): Cell {
  return {
    title: `broadcast, 1,000 clients, 64 B, ${perSecond} messages/s`,
    load: PLAIN,
    workload: { kind: "rate", perSecond, stopped: 0 },
    clients: 1000,
    payloadBytes: 64,
    warmUpMs: 700,
    windowMs: 3000,
    rows: MAIN,
    ...details,
  };
}

function compressed(count: number, details: Partial<Cell> = {}): Cell {
  return {
    ...inFlight(count, { clients: 500, payloadBytes: 512 }),
    title: `compressed broadcast, 500 clients, 512 B, ${count} in flight`,
    load: { mode: "broadcast", deflate: true },
    rows: ["upwire", "upwire-shared-history", "ws", "gorilla"],
    ...details,
  };
}

function echo(count: number): Cell {
  const clients = 100;
  return {
    title: `echo, 100 clients, 64 B, ${count} in flight each`,
    load: { mode: "echo", deflate: false },
    workload: { kind: "closed", groups: clients, publishersPerGroup: 1, inFlight: count },
    clients,
    payloadBytes: 64,
    ...TIMES,
    rows: [...WEBSOCKET, "upwire-ws-reader", "raw-net", "raw-net-joined"],
    quick: { ...QUICK_TIMES, rows: ["upwire", "ws"] },
  };
}

const TOPIC: Load = { mode: "topic", deflate: false };

/** A publication to a topic with history beside a plain broadcast: a few hundredths are stated, so the rounds are many. */
function topicInFlight(count: number): Cell {
  return {
    ...inFlight(count),
    title: `publish to a topic with 1,000 members, 64 B, ${count} in flight`,
    load: TOPIC,
    warmUpMs: 1000,
    // One message at a time is all kernel, and would take minutes.
    ...(count > 1 && { warmUpDeliveries: 3_000_000 }),
    windowMs: 2000,
    rows: ["frames", "topic", "frames-again", "topic-by-clients", "socketio-recovery", "socketio-room"],
    base: "frames",
    rounds: 12,
  };
}

function sizeOf(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
}

function resume(clients: number): Cell {
  const window = 100_000;
  return {
    title: `${clients.toLocaleString("en")} clients come back, each missed 20 messages of 64 B, out of ${window.toLocaleString("en")}`,
    load: { ...TOPIC, history: window },
    workload: { kind: "resume", window, missed: 20 },
    clients,
    payloadBytes: 64,
    warmUpMs: 500,
    windowMs: 0,
    rows: ["topic", "replay-core", "replay-ws", "socketio-recovery"],
    base: "socketio-recovery",
    quick: { title: "1,000 clients come back, each missed 20 of 100,000 messages of 64 B", clients: 1000 },
  };
}

/** Every cell by the name that `--only` takes, in the order of the report. */
export const cells: Readonly<Record<string, Cell>> = {
  b1: inFlight(1, { rows: EVERYBODY, quick: { ...QUICK_TIMES, rows: ["upwire", "ws", "raw-net", "socketio", "gorilla"] } }),
  b16: inFlight(16, { quick: { ...QUICK_TIMES, rows: ["upwire", "ws", "raw-net-joined", "socketio", ...GORILLA] } }),
  b64: inFlight(64, {
    rows: EVERYBODY,
    quick: { ...QUICK_TIMES, rows: ["upwire", "upwire-koa", "ws", "raw-net-joined", "socketio", ...GORILLA] },
  }),
  "b64-one": inFlight(64, {
    title: "broadcast, 1,000 clients, 64 B, one sender with 64 messages in flight",
    workload: { kind: "closed", groups: 1, publishersPerGroup: 1, inFlight: 64 },
  }),
  "b64-1k": inFlight(64, { payloadBytes: 1024 }),
  "b8-16k": inFlight(8, { payloadBytes: 16 * 1024 }),
  "b64-100c": inFlight(64, { clients: 100 }),
  "b16-10k": inFlight(16, { clients: 10_000, warmUpMs: 1500, windowMs: 4000, maxRounds: 2 }),
  "b1-15k": inFlight(1, { clients: 15_000, warmUpMs: 1500, windowMs: 3000, maxRounds: 1, rows: ["upwire", "ws"] }),
  rooms: {
    ...inFlight(1, { clients: 10_000, warmUpMs: 1500, windowMs: 3000, maxRounds: 2 }),
    title: "100 rooms of 100 clients, 64 B, 1 in flight in each",
    load: { mode: "rooms", deflate: false },
    workload: { kind: "closed", groups: 100, publishersPerGroup: 1, inFlight: 1 },
    rooms: 100,
  },
  r25: rate(25),
  r200: rate(200, { quick: { warmUpMs: 500, windowMs: 1000, rows: ["upwire", "ws"] } }),
  z1: compressed(1, { quick: { ...QUICK_TIMES, rows: ["upwire", "ws"] } }),
  z16: compressed(16, { quick: { ...QUICK_TIMES, rows: ["upwire", "ws"] } }),
  "z-idle": {
    ...compressed(1),
    title: "idle, compression agreed on, 1,000 connections that have talked",
    workload: { kind: "idle", talks: true },
    clients: 1000,
    warmUpMs: 500,
    nodeArguments: NOTHING_OF_V8,
    windowMs: 1000,
    maxRounds: 1,
  },
  echo1: echo(1),
  echo32: echo(32),
  idle: {
    title: "idle, 10,000 connections",
    load: { mode: "idle", deflate: false },
    workload: { kind: "idle", talks: false },
    clients: 10_000,
    payloadBytes: 64,
    warmUpMs: 1000,
    nodeArguments: NOTHING_OF_V8,
    windowMs: 30_000,
    maxRounds: 1,
    rows: [...WEBSOCKET, "raw-net"],
    quick: { title: "idle, 2,000 connections", clients: 2000, warmUpMs: 300, windowMs: 500, rows: ["upwire", "ws"] },
  },
  connect: {
    title: "opening 10,000 connections behind 7,500 others, 64 at a time",
    load: { mode: "idle", deflate: false },
    workload: { kind: "connect", before: 7500 },
    clients: 17_500,
    payloadBytes: 64,
    warmUpMs: 0,
    windowMs: 0,
    rows: [...WEBSOCKET, ...ALONE, "raw-net"],
    quick: {
      title: "opening 2,500 connections behind 7,500 others, 64 at a time",
      clients: 10_000,
      rows: [...WEBSOCKET.filter((name) => name.startsWith("upwire")), "ws"],
    },
  },
  topic1: topicInFlight(1),
  topic16: topicInFlight(16),
  topic64: { ...topicInFlight(64), quick: { ...QUICK_TIMES, warmUpDeliveries: 0, rows: ["frames", "topic", "socketio-recovery"] } },
  resume: resume(10_000),
  "v1-idle": {
    title: "heap of 10,000 idle clients with a topic",
    load: TOPIC,
    workload: { kind: "heap" },
    clients: 10_000,
    payloadBytes: 64,
    warmUpMs: 500,
    windowMs: 0,
    rows: ["plain", "plain-greeted", "plain-member", "topic", "topic-own", "socketio-recovery"],
    base: "plain",
    maxRounds: 1,
  },
  stopped: {
    ...rate(150, { clients: 200, payloadBytes: 16 * 1024, warmUpMs: 3000, windowMs: 7000, maxRounds: 2 }),
    title: "4 of 200 clients stop reading, 16 KiB, 150 messages/s",
    workload: { kind: "rate", perSecond: 150, stopped: 4 },
    rows: ["upwire", "ws", "raw-net", "raw-net-joined", "socketio", "gorilla"],
  },
};
