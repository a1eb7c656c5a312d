import { FaultProxy } from "@upwire/testing";
import { startRedis, startRedisCluster } from "@upwire/testing/redis";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import type { RedisClientLike } from "../src/driver/clients.ts";

/** A client of its own for one node, whose network can be cut without a word to either end. */
interface Way {
  /** Not connected. */
  readonly client: RedisClientLike;
  readonly cut: () => void;
  readonly mend: () => void;
}

/** Servers, and ways to them. */
export interface Place {
  way(): Promise<Way>;
  close(): Promise<void>;
}

export type Library = "ioredis" | "node-redis";

const host = "127.0.0.1";

/** One server. */
export async function singlePlace(library: Library): Promise<Place> {
  const server = await startRedis();
  return place([server.port], server, ([port = 0]) =>
    library === "ioredis" ? new Redis({ host, port, lazyConnect: true }) : createClient({ socket: { host, port } }),
  );
}

/** A Cluster of six processes. Each node reaches them through ports of its own, which the client translates, as behind NAT. */
export async function clusterPlace(library: Library): Promise<Place> {
  const cluster = await startRedisCluster();
  const { ports } = cluster;
  return place(ports, cluster, (proxies) => {
    const map = Object.fromEntries(proxies.map((port, at) => [`${host}:${ports[at]}`, { host, port }]));
    const [first, second] = proxies.map((port) => ({ host, port }));
    if (library === "ioredis") return new Cluster([first ?? {}, second ?? {}], { lazyConnect: true, natMap: map });
    return createCluster({ rootNodes: [{ socket: first ?? {} }, { socket: second ?? {} }], nodeAddressMap: map });
  });
}

function place(ports: readonly number[], servers: { close(): Promise<void> }, clientTo: (ports: readonly number[]) => RedisClientLike): Place {
  const all: FaultProxy[] = [];
  return {
    async way() {
      const proxies = await Promise.all(ports.map((port) => FaultProxy.listen({ port })));
      all.push(...proxies);
      const set = (isCut: boolean): void => proxies.forEach((proxy) => proxy.set({ toServer: { isCut }, toClient: { isCut } }));
      return { client: clientTo(proxies.map(({ port }) => port)), cut: () => set(true), mend: () => set(false) };
    },
    async close() {
      await Promise.all(all.map((proxy) => proxy.close()));
      await servers.close();
    },
  };
}
