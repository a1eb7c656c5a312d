import { startRedis, startRedisCluster, type RedisServer } from "@upwire/testing/redis";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import type { RedisClientLike } from "../../src/driver/clients.ts";
import { Relay } from "./relay.ts";
import { promote, startReplica } from "./replicas.ts";
import { startSentinel } from "./sentinel.ts";
import { until } from "./test-node.ts";

/** Servers of which one takes the place of another. */
export interface Failover {
  /** A client for one node. */
  client(): RedisClientLike;
  /** Replaces the master of this key by its replica. */
  fail(key: string): Promise<void>;
  close(): Promise<void>;
}

const host = "127.0.0.1";

/** Kill -9 of the master; its replica is promoted by hand, and a name leads to it. */
export async function byHand(clientTo: (port: number) => RedisClientLike): Promise<Failover> {
  let master = await startRedis();
  let replica = await startReplica(master.port);
  const all: RedisServer[] = [master, replica];
  const relay = await Relay.start(master.port);
  return {
    client: () => clientTo(relay.port),
    async fail() {
      await master.kill9();
      relay.lead(undefined);
      await promote(replica);
      master = replica;
      relay.lead(master.port);
      replica = await startReplica(master.port);
      all.push(replica);
    },
    close: () => closeAll([relay, ...all]),
  };
}

/** Kill -9 of the master, which a Sentinel notices. */
export async function bySentinel(): Promise<Failover> {
  let master = await startRedis();
  let replica = await startReplica(master.port);
  const all: RedisServer[] = [master, replica];
  const sentinel = await startSentinel(master.port);
  const knows = new Redis({ port: sentinel.port, host });
  const replicas = async (): Promise<number> => ((await knows.call("SENTINEL", "REPLICAS", "main")) as unknown[]).length;
  await until("the Sentinel knows the replica", async () => (await replicas()) === 1, 20_000);
  return {
    client: () => new Redis({ sentinels: [{ host, port: sentinel.port }], name: "main", lazyConnect: true }),
    async fail() {
      const known = await replicas();
      await master.kill9();
      await until("the replica is the master", () => isMaster(replica), 20_000);
      master = replica;
      replica = await startReplica(master.port);
      all.push(replica);
      await until("the Sentinel knows the next replica", async () => (await replicas()) > known, 30_000);
    },
    async close() {
      knows.disconnect();
      await closeAll([sentinel, ...all]);
    },
  };
}

export type ClusterClientTo = (ports: readonly number[]) => RedisClientLike;

export const clusterClients: Readonly<Record<"ioredis" | "node-redis", ClusterClientTo>> = {
  ioredis: (ports) =>
    new Cluster(
      ports.map((port) => ({ host, port })),
      { lazyConnect: true },
    ),
  "node-redis": (ports) => createCluster({ rootNodes: ports.map((port) => ({ socket: { host, port } })) }),
};

export const singleClients: Readonly<Record<"ioredis" | "node-redis", (port: number) => RedisClientLike>> = {
  ioredis: (port) => new Redis({ host, port, lazyConnect: true }),
  "node-redis": (port) => createClient({ socket: { host, port } }),
};

/** A master of a Cluster is killed and comes back as the replica of what was its replica; or it changes places with that in order. */
export async function inCluster(clientTo: ClusterClientTo, how: "kill -9" | "CLUSTER FAILOVER"): Promise<Failover> {
  const cluster = await startRedisCluster();
  const replicaOf = async (server: RedisServer): Promise<RedisServer> => {
    const id = await server.cli("CLUSTER", "MYID");
    const line = (await server.cli("CLUSTER", "REPLICAS", id)).split("\n")[0] ?? "";
    const replica = cluster.nodes.find(({ port }) => line.includes(`:${port}@`));
    if (replica === undefined) throw new Error(`the master on port ${server.port} has no replica`);
    return replica;
  };
  return {
    client: () => clientTo(cluster.ports),
    async fail(key) {
      const master = await cluster.masterOf(key);
      const replica = await replicaOf(master);
      if (how === "kill -9") await master.kill9();
      else await replica.cli("CLUSTER", "FAILOVER");
      await until("the replica is the master", () => isMaster(replica), 20_000);
      if (how === "kill -9") await master.restart();
      await cluster.whole();
      await until("it is the replica now", async () => (await master.cli("INFO", "replication")).includes("master_link_status:up"), 20_000);
    },
    close: () => cluster.close(),
  };
}

async function closeAll(all: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(all.map((one) => one.close()));
}

/** A Sentinel ends all connections when it promotes. */
async function isMaster(server: RedisServer): Promise<boolean> {
  return (await server.cli("ROLE").catch(() => "")).startsWith("master");
}
