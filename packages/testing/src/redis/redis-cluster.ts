import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { RedisServer, type RedisServerOptions } from "./redis-server.ts";

export interface RedisClusterOptions extends Pick<RedisServerOptions, "appendonly" | "args" | "password"> {
  /** A master that answers nothing for so long is replaced. Milliseconds. @default 1500 */
  readonly nodeTimeoutMs?: number;
}

const MASTERS = 3;
const SLOTS = 16_384;
const POLL_MS = 50;
const READY_WITHIN_MS = 20_000;

/** What `CLUSTER NODES` says of one process. */
interface NodeLine {
  readonly id: string;
  readonly port: number;
  readonly flags: readonly string[];
}

/** A Redis Cluster of six processes on 127.0.0.1: three masters with one replica each. */
export class RedisCluster {
  /** All six. The first three began as masters; after a failover that may have changed. */
  readonly nodes: readonly RedisServer[];

  private constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes;
  }

  /** Fulfils when it takes commands, and each master has its replica. */
  static async start({ nodeTimeoutMs = 1500, args = [], ...options }: RedisClusterOptions = {}): Promise<RedisCluster> {
    const nodes = await Promise.all(Array.from({ length: 2 * MASTERS }, () => startNode({ ...options, nodeTimeoutMs, args })));
    const cluster = new RedisCluster(nodes);
    try {
      await cluster.#join();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get ports(): readonly number[] {
    return this.nodes.map(({ port }) => port);
  }

  /** The running master that has the slot of this key. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = Number(await this.#anyRunning().cli("CLUSTER", "KEYSLOT", key));
    const shards = await this.#anyRunning().cli("CLUSTER", "NODES");
    for (const line of shards.split("\n")) {
      const node = parse(line);
      if (!node.flags.includes("master") || node.flags.includes("fail")) continue;
      if (rangesOf(line).some(([first, last]) => first <= slot && slot <= last)) return this.#byPort(node.port);
    }
    throw new Error(`no running master has the slot ${slot} of the key ${key}:\n${shards}`);
  }

  /** Fulfils when every slot has a master that runs, in the eyes of every running process: after a failover, say. */
  async whole(): Promise<void> {
    await until("the cluster is whole", async () => {
      const infos = await Promise.all(this.#running().map((node) => node.cli("CLUSTER", "INFO")));
      return infos.every((info) => info.includes("cluster_state:ok") && info.includes("cluster_slots_fail:0"));
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  async #join(): Promise<void> {
    const { nodes } = this;
    const size = Math.ceil(SLOTS / MASTERS);
    await Promise.all(
      nodes.map(async (node, index) => {
        // Each its own, or two of them would have to settle it by an election.
        await node.cli("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
        if (index >= MASTERS) return;
        await node.cli("CLUSTER", "ADDSLOTSRANGE", index * size, Math.min(SLOTS, (index + 1) * size) - 1);
      }),
    );
    // All pairs: gossip alone would take seconds.
    await Promise.all(
      nodes.flatMap((node, index) => nodes.slice(index + 1).map(({ port }) => node.cli("CLUSTER", "MEET", "127.0.0.1", port, busPort(port)))),
    );
    const ids = await Promise.all(nodes.map((node) => node.cli("CLUSTER", "MYID")));
    await Promise.all(
      nodes.slice(MASTERS).map((node, index) =>
        until("a replica knows its master", async () => {
          const answer = await node.cli("CLUSTER", "REPLICATE", ids[index] as string).catch(() => "unknown yet");
          return answer === "OK";
        }),
      ),
    );
    await this.whole();
    await until("each master has its replica", async () => {
      const infos = await Promise.all(nodes.slice(0, MASTERS).map((node) => node.cli("INFO", "replication")));
      return infos.every((info) => info.includes("state=online"));
    });
  }

  #running(): readonly RedisServer[] {
    return this.nodes.filter(({ pid }) => pid !== undefined);
  }

  #anyRunning(): RedisServer {
    const [first] = this.#running();
    if (first === undefined) throw new Error("none of the six processes runs");
    return first;
  }

  #byPort(port: number): RedisServer {
    return this.nodes.find((node) => node.port === port) as RedisServer;
  }
}

/** Redis itself would take the port plus 10,000 for its bus, which may be another's. */
function busPort(port: number): number {
  return port + 16_000 + 16_000;
}

async function startNode({ nodeTimeoutMs, args = [], ...options }: RedisClusterOptions): Promise<RedisServer> {
  const port = await freePort();
  const own = {
    "cluster-enabled": "yes",
    "cluster-config-file": "nodes.conf",
    "cluster-node-timeout": nodeTimeoutMs,
    "cluster-port": busPort(port),
    // A replica may take over however long it has been cut off, and its first copy starts without a wait.
    "cluster-replica-validity-factor": 0,
    "repl-diskless-sync-delay": 0,
  };
  const ownArgs = Object.entries(own).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return RedisServer.start({ ...options, port, args: [...ownArgs, ...args] });
}

/** `<id> <ip:port@bus> <flags> …`, as Redis documents it for CLUSTER NODES. */
function parse(line: string): NodeLine {
  const [id = "", address = "", flags = ""] = line.split(" ");
  return { id, port: Number(/:(\d+)@/.exec(address)?.[1]), flags: flags.split(",") };
}

function rangesOf(line: string): [number, number][] {
  const ranges = line.split(" ").slice(8);
  return ranges.map((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return [first as number, last as number];
  });
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${READY_WITHIN_MS} ms: ${what}`);
    await pause(POLL_MS);
  }
}

/** Starts a Redis Cluster of six processes on 127.0.0.1, and waits until it takes commands. The test must `close` it. */
export function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  return RedisCluster.start(options);
}
