// Brokers of every kind and a hub of all nodes, as applications hold them, and what must not compile.
import { createClusterHub, type ClusterAudience, type ClusterHub, type ClusterMember, type Reach } from "@upwire/cluster";
import { memoryBroker, shareBroker, type Broker, type BrokerState, type HistoryBounds } from "@upwire/cluster/broker";
import { meshBroker } from "@upwire/cluster/mesh";
import { createHub, type Hub } from "@upwire/core";
import { createRealtime } from "@upwire/realtime";
import { redisBroker, RedisStartError, type RedisBrokerOptions } from "@upwire/redis";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";

interface User {
  readonly id: string;
}

const redisOptions: RedisBrokerOptions = { url: "redis://127.0.0.1:6379", prefix: "shop", queue: { messages: 100, ageMs: 1000 }, batch: { bytes: 65_536 } };

/** A broker is a broker, whatever made it. */
export const brokers: readonly (() => Broker)[] = [
  () => memoryBroker({ maxBytes: 1024 }),
  () => meshBroker({ folder: "/run/user/1000/shop" }),
  () => redisBroker(redisOptions),
  () => redisBroker({ client: new Redis({ lazyConnect: true }), onError: (error) => console.error(error.message) }),
  () => redisBroker({ client: new Cluster([{ host: "127.0.0.1", port: 6379 }], { lazyConnect: true }), sharded: true }),
  () => redisBroker({ client: createClient({ url: "redis://127.0.0.1:6379" }) }),
  () => redisBroker({ client: createClient({ url: "redis://127.0.0.1:6379", RESP: 3 }) }),
  () => redisBroker({ client: createCluster({ rootNodes: [{ url: "redis://127.0.0.1:6379" }] }) }),
];

export const hub: Hub<User> = createHub<User>();
const shared = shareBroker(memoryBroker());
export const cluster: ClusterHub<User> = createClusterHub(hub, shared.part("hub"), {
  onGap: (part, name) => console.log(part === "room" ? `the room ${name}` : name),
  onState: (state: BrokerState) => console.log(state),
  timeoutMs: 500,
});
export const realtime = createRealtime({ broker: shared.part("realtime"), topics: { "room:{room}": { canSubscribe: () => true } } });

export async function use(): Promise<readonly unknown[]> {
  await Promise.all([cluster.started, realtime.started]).catch((error: unknown) => {
    if (error instanceof RedisStartError) process.exit(1);
    throw error;
  });
  const room: ClusterAudience<User> = cluster.room("tea");
  const { reached, missing, delivery }: Reach = await room.broadcast("hi", { except: [...hub][0] });
  const isLocal: boolean = delivery === "local-only";
  const { connections } = await cluster.user("u7").list({ limit: 10 });
  const names: readonly string[] = connections.map(({ id, node, userId }: ClusterMember) => `${id} ${node} ${String(userId)}`);
  const { connection } = await cluster.get("id");
  const sent = await connection?.send("only you");
  const kept: HistoryBounds = { messages: 10, bytes: 1024, ageMs: 1000 };
  const { offset } = await realtime.topic("room:{room}", { room: "tea" }).publish("message", 1);
  const { total }: { readonly total: number } = { total: reached + missing.length };
  return [
    isLocal,
    names,
    sent,
    kept,
    offset,
    total,
    cluster.stats.pending,
    cluster.state(),
    await cluster.close(4403, "", { keepMs: 0 }),
    await cluster.size(),
  ];
}

// What must not compile.

const make = (mistake: () => unknown): void => void mistake;

// @ts-expect-error -- no client
make(() => redisBroker({ client: { host: "127.0.0.1" } }));
// @ts-expect-error -- a prefix is a text
make(() => redisBroker({ url: "redis://127.0.0.1", prefix: 7 }));
// @ts-expect-error -- there is no such option
make(() => meshBroker({ folders: "/run" }));
// @ts-expect-error -- a hub of all nodes has a broker
make(() => createClusterHub(hub));
// @ts-expect-error -- a folder is no broker
make(() => createClusterHub(hub, "/run/user/1000/shop"));
// @ts-expect-error -- how many it reached is known later
make(() => cluster.broadcast("hi").reached);
// @ts-expect-error -- bytes or a text
make(() => cluster.broadcast({ text: "hi" }));
// @ts-expect-error -- a broker is asked, and not told
make(() => (cluster.started = Promise.resolve()));
