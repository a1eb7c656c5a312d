// npm run crowd: 60,000 connections on one machine, in four processes on the mesh, and one broadcast that reaches all of them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Child } from "@upwire-apps/faults/child";
import { digits, table } from "../table.ts";
import type { Broadcast, ClientsApi, ClientsSettings, Heard, ServerApi, ServerSettings } from "./api.ts";

const SERVER_PROGRAM = new URL("./server.js", import.meta.url);
const CLIENTS_PROGRAM = new URL("./clients.js", import.meta.url);
/** As in the cells of the benchmark about memory: V8's space for new objects would grow by as much as thousands of connections. */
const NODE_ARGUMENTS = ["--expose-gc", "--max-semi-space-size=1", "--no-memory-reducer"];
const TEXT = "to everybody".padEnd(64, ".");
const BROADCASTS = 5;
const HEARD_WITHIN_MS = 30_000;

interface Figures {
  readonly connections: number;
  readonly openSeconds: number;
  readonly bytesPerConnection: number;
  /** Of each broadcast: from the call to the last client, and to the answer. */
  readonly lastMs: readonly number[];
  readonly answeredMs: readonly number[];
  readonly reached: readonly number[];
  readonly missing: number;
  /** Clients that got a broadcast not exactly once. */
  readonly notOnce: number;
  readonly closed: number;
}

const { values } = parseArgs({ options: { processes: { type: "string", default: "4" }, connections: { type: "string", default: "60000" } } });
const processes = Number(values.processes);
const perProcess = Math.floor(Number(values.connections) / processes);
const single = await measure(1, perProcess);
const several = await measure(processes, perProcess);
console.log(report([single, several]));
process.exitCode = [single, several].every(
  ({ connections, reached, missing, notOnce, closed }) => reached.every((one) => one === connections) && missing + notOnce + closed === 0,
)
  ? 0
  : 1;

async function measure(servers: number, each: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "upwire-crowd-"));
  const children: { kill(): Promise<void> }[] = [];
  try {
    const nodes: Child<ServerApi>[] = [];
    for (let index = 0; index < servers; index++) {
      const settings: ServerSettings = { folder: servers === 1 ? undefined : folder };
      nodes.push(await Child.start<ServerApi>(SERVER_PROGRAM, settings, { nodeArguments: NODE_ARGUMENTS }));
    }
    children.push(...nodes);
    const crowds = await Promise.all(
      nodes.map(async (node, index) => {
        const settings: ClientsSettings = { port: await node.call("port"), from: `127.0.0.${10 + index}`, count: each };
        return Child.start<ClientsApi>(CLIENTS_PROGRAM, settings);
      }),
    );
    children.push(...crowds);
    return await measureCrowd(nodes, crowds);
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureCrowd(nodes: readonly Child<ServerApi>[], crowds: readonly Child<ClientsApi>[]): Promise<Figures> {
  const rss = async (): Promise<number> => sum(await Promise.all(nodes.map((node) => node.call("rssBytes"))));
  const before = await rss();
  const start = performance.now();
  await Promise.all(crowds.map((crowd) => crowd.call("open")));
  const openSeconds = (performance.now() - start) / 1000;
  const connections = sum(await Promise.all(nodes.map((node) => node.call("connections"))));
  await delay(1000);
  const bytesPerConnection = ((await rss()) - before) / connections;
  const broadcasts: Broadcast[] = [];
  const heard: Heard[][] = [];
  for (let times = 0; times < BROADCASTS; times++) {
    // Each process in its turn.
    const node = nodes[times % nodes.length];
    if (node === undefined) throw new Error("there is no process");
    await Promise.all(crowds.map((crowd) => crowd.call("clear")));
    const broadcast = await node.call("broadcast", TEXT);
    broadcasts.push(broadcast);
    heard.push(await untilHeard(crowds, connections));
  }
  return {
    connections,
    openSeconds,
    bytesPerConnection,
    lastMs: broadcasts.map(({ atUs }, index) => (Math.max(...(heard[index] ?? []).map(({ lastUs }) => lastUs)) - atUs) / 1000),
    answeredMs: broadcasts.map(({ atUs, answeredUs }) => (answeredUs - atUs) / 1000),
    reached: broadcasts.map(({ reached }) => reached),
    missing: sum(broadcasts.map(({ missing }) => missing.length)),
    notOnce: sum(heard.map((all) => connections - sum(all.map(({ once }) => once)))),
    closed: sum((heard.at(-1) ?? []).map(({ closed }) => closed)),
  };
}

/** Until as much has come as there are connections, or it takes too long. */
async function untilHeard(crowds: readonly Child<ClientsApi>[], connections: number): Promise<Heard[]> {
  for (const end = performance.now() + HEARD_WITHIN_MS; ; await delay(100)) {
    const heard = await Promise.all(crowds.map((crowd) => crowd.call("heard")));
    if (sum(heard.map(({ messages }) => messages)) >= connections || performance.now() > end) return heard;
  }
}

function report(all: readonly Figures[]): string {
  const median = (numbers: readonly number[]): number => numbers.toSorted((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;
  return table(
    ["", "connections", "opened in s", "B/connection", "last client ms", "answered ms", "reached", "not once", "missing", "closed"],
    all.map((figures, index) => [
      index === 0 ? "one process" : `${processes} processes on the mesh`,
      figures.connections.toLocaleString("en"),
      digits(figures.openSeconds),
      digits(figures.bytesPerConnection),
      digits(median(figures.lastMs)),
      digits(median(figures.answeredMs)),
      [...new Set(figures.reached)].map((one) => one.toLocaleString("en")).join(" "),
      String(figures.notOnce),
      String(figures.missing),
      String(figures.closed),
    ]),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
