import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Child } from "@upwire-apps/faults/child";
import { startRedis } from "@upwire/testing/redis";
import { ServerProcess } from "../driver/server-process.ts";
import type { ListenerSettings, Mode, NodeApi, NodeNote, NodeSettings, Snapshot } from "./api.ts";
import { TOPIC } from "./row.ts";
import { crossRows } from "./rows/index.ts";

const NODE_PROGRAM = new URL("./node.js", import.meta.url);
const LISTENER_PROGRAM = new URL("./listener.js", import.meta.url);
/** What is in flight at the end of the window has come by then. Milliseconds. */
const SETTLE_MS = 300;
const ELSEWHERE = "room:elsewhere";

export interface CrossJob {
  readonly row: string;
  readonly mode: Mode;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly isForeign?: true;
}

/** One measurement. CPU is that of both nodes together, for each message; with node:cluster the primary's too. */
export interface CrossFigures {
  readonly cpuUs: number;
  readonly publisherUs: number;
  readonly subscriberUs: number;
  /** Of the Redis server, which the nodes do not pay. */
  readonly brokerUs: number | undefined;
  /** What the subscriber reads for each message, from sockets and pipes. */
  readonly readBytes: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lost: number;
  readonly disorders: number;
}

/** CPU of each process so far, microseconds, and what has come. */
interface Moment {
  readonly receiver: Snapshot;
  readonly sent: number;
  readonly readBytes: number;
  readonly publisherUs: number;
  readonly subscriberUs: number;
  readonly ownUs: number;
  readonly brokerUs: number | undefined;
}

/** Starts two nodes of a row, with a Redis server or a folder of their own, and measures one window. */
export async function measureCross({ row: name, mode, inFlight, warmUpMs, windowMs, isForeign }: CrossJob): Promise<CrossFigures> {
  const row = crossRows[name];
  if (row === undefined) throw new Error(`there is no row "${name}"`);
  const folder = mkdtempSync(join(tmpdir(), "upwire-cross-"));
  const redis = row.through === "redis" ? await startRedis() : undefined;
  const children: { kill(): Promise<void> }[] = [];
  const kind = row.through === "ipc" ? "worker" : "process";
  const startNode = async (role: "publisher" | "subscriber", onNote: (said: NodeNote) => void): Promise<Child<NodeApi>> => {
    const settings: NodeSettings = { row: name, role, url: redis?.url ?? "", folder, topic: isForeign ? ELSEWHERE : TOPIC, inFlight };
    const child = await Child.start<NodeApi>(NODE_PROGRAM, settings, { onNote, kind });
    children.push(child);
    return child;
  };
  try {
    const subscriber = await startNode("subscriber", (said) => publisher.tell(said));
    const publisher = await startNode("publisher", (said) => subscriber.tell(said));
    let receiver: Pick<Child<NodeApi>, "call"> = subscriber;
    if (row.clients !== undefined) {
      const settings: ListenerSettings = { port: await subscriber.call("port"), dialect: row.clients, inFlight };
      const listener = await Child.start<NodeApi>(LISTENER_PROGRAM, settings, { onNote: (said: NodeNote) => publisher.tell(said) });
      children.push(listener);
      receiver = listener;
    }
    const cpu = (pid: number): number => new ServerProcess(pid).cpu().totalUs;
    const moment = async (): Promise<Moment> => ({
      receiver: await receiver.call("snapshot"),
      sent: (await publisher.call("snapshot")).sent,
      readBytes: bytesReadBy(subscriber.pid),
      publisherUs: cpu(publisher.pid),
      subscriberUs: cpu(subscriber.pid),
      ownUs: cpu(process.pid),
      brokerUs: redis?.pid === undefined ? undefined : cpu(redis.pid),
    });
    // A subscription may still be on its way to the other side.
    await delay(SETTLE_MS);
    await warmUp(publisher, { mode, warmUpMs });
    await receiver.call("clear");
    const before = await moment();
    await delay(windowMs);
    const after = await moment();
    await publisher.call("stop");
    await delay(SETTLE_MS);
    const end = await receiver.call("snapshot");
    return figuresOf(before, after, { end, isForeign, isWithPrimary: row.through === "ipc" });
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    await redis?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Ends in `mode`. What is paced is warmed up without a pace: at 1,000 messages a second it takes most of a minute until V8 has compiled what
 * runs for each message, and latencies would be those of a process that has just started.
 */
async function warmUp(publisher: Child<NodeApi>, { mode, warmUpMs }: Pick<CrossJob, "mode" | "warmUpMs">): Promise<void> {
  if (mode === "paced") {
    await publisher.call("publish", "single");
    await delay(warmUpMs);
    await publisher.call("stop");
    await delay(SETTLE_MS);
  }
  await publisher.call("publish", mode);
  await delay(warmUpMs);
}

interface FiguresSetup {
  readonly end: Snapshot;
  readonly isForeign: true | undefined;
  readonly isWithPrimary: boolean;
}

function figuresOf(before: Moment, after: Moment, { end, isForeign, isWithPrimary }: FiguresSetup): CrossFigures {
  const received = after.receiver.received - before.receiver.received;
  if (isForeign && received > 0) throw new Error(`${received} messages of another topic arrived`);
  const count = isForeign ? after.sent - before.sent : received;
  if (count === 0) throw new Error("nothing arrived in the window");
  const publisherUs = (after.publisherUs - before.publisherUs) / count;
  const subscriberUs = (after.subscriberUs - before.subscriberUs) / count;
  const primaryUs = isWithPrimary ? (after.ownUs - before.ownUs) / count : 0;
  return {
    cpuUs: publisherUs + subscriberUs + primaryUs,
    publisherUs,
    subscriberUs,
    brokerUs: after.brokerUs === undefined || before.brokerUs === undefined ? undefined : (after.brokerUs - before.brokerUs) / count,
    readBytes: (after.readBytes - before.readBytes) / count,
    perSecond: (count * 1e6) / (after.receiver.atUs - before.receiver.atUs),
    p50Ms: after.receiver.p50Ms,
    p99Ms: after.receiver.p99Ms,
    lost: end.lost,
    disorders: end.disorders,
  };
}

function bytesReadBy(pid: number): number {
  return Number(/^rchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}
