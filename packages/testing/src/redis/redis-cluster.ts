import { setTimeout as pause } from "node:timers/promises";
import { freePort, retryTaken } from "./free-port.ts";
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
interface Owner {
  readonly port: number;
  /** First and last slot. */
  readonly ranges: readonly (readonly [number, number])[];
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
    const starts = await Promise.allSettled(Array.from({ length: 2 * MASTERS }, () => startMember({ ...options, nodeTimeoutMs, args })));
    const members = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
    const cluster = new RedisCluster(members.map(({ server }) => server));
    try {
      for (const start of starts) if (start.status === "rejected") throw start.reason;
      await cluster.#join(members);
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
    const owner = (await this.#owners(this.#anyRunning())).find(({ ranges }) => ranges.some(([first, last]) => first <= slot && slot <= last));
    const server = this.nodes.find((node) => node.port === owner?.port);
    if (server?.isRunning !== true) throw new Error(`no running master has the slot ${slot} of the key ${key}`);
    return server;
  }

  /** Fulfils when every slot has a master that runs, in the eyes of every running process: after a failover, say. */
  async whole(): Promise<void> {
    await until("the cluster is whole", async () => {
      const running = this.#running();
      const infos = await Promise.all(running.map((node) => node.cli("CLUSTER", "INFO")));
      if (!infos.every((info) => info.includes("cluster_state:ok") && info.includes("cluster_slots_fail:0"))) return false;
      const ports = new Set(running.map(({ port }) => port));
      const owners = await Promise.all(running.map((node) => this.#owners(node)));
      return owners.flat().every(({ port }) => ports.has(port));
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  async #join(members: readonly Member[]): Promise<void> {
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
      nodes.flatMap((node, index) => members.slice(index + 1).map(({ server, busPort }) => node.cli("CLUSTER", "MEET", "127.0.0.1", server.port, busPort))),
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

  /** The masters that have slots, in the eyes of this process. */
  async #owners(node: RedisServer): Promise<readonly Owner[]> {
    const lines = (await node.cli("CLUSTER", "NODES")).split("\n");
    return lines.map(parse).filter(({ ranges }) => ranges.length > 0);
  }

  #running(): readonly RedisServer[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  #anyRunning(): RedisServer {
    const [first] = this.#running();
    if (first === undefined) throw new Error("none of the six processes runs");
    return first;
  }
}

/** A process of a Cluster, and the port that it talks to the others on: Redis itself would take another's. */
interface Member {
  readonly server: RedisServer;
  readonly busPort: number;
}

async function startMember({ nodeTimeoutMs, args = [], ...options }: RedisClusterOptions): Promise<Member> {
  return retryTaken(async () => {
    const [port, busPort] = await Promise.all([freePort(), freePort()]);
    const own = {
      "cluster-enabled": "yes",
      "cluster-config-file": "nodes.conf",
      "cluster-node-timeout": nodeTimeoutMs,
      "cluster-port": busPort,
      // A replica may take over however long it has been cut off, and its first copy starts without a wait.
      "cluster-replica-validity-factor": 0,
      "repl-diskless-sync-delay": 0,
    };
    const ownArgs = Object.entries(own).flatMap(([name, value]) => [`--${name}`, String(value)]);
    return { server: await RedisServer.start({ ...options, port, args: [...ownArgs, ...args] }), busPort };
  });
}

/** `<id> <ip:port@bus> <flags> <master> <ping> <pong> <epoch> <link> <slots>…`, as Redis documents it for CLUSTER NODES. */
function parse(line: string): Owner {
  const fields = line.split(" ");
  const ranges = fields.slice(8).map((range): [number, number] => {
    const [first, last = first] = range.split("-").map(Number);
    return [first as number, last as number];
  });
  return { port: Number(/:(\d+)@/.exec(fields[1] ?? "")?.[1]), ranges };
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
