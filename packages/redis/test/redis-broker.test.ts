import { createCluster } from "redis";
import { redisBroker } from "@upwire/redis";
import { describeBroker, FaultProxy, type BrokerAbilities } from "@upwire/testing";
import { redisMissing, startRedis, startRedisCluster, type RedisCluster, type RedisServer } from "@upwire/testing/redis";
import { afterAll, beforeAll, describe } from "vitest";

const missing = redisMissing();
const skipped = missing === undefined ? "" : ` (skipped: ${missing})`;
const abilities: Partial<BrokerAbilities> = { age: "Redis has its own time", save: "Redis keeps it" };
const onError = (): void => {};

describe.skipIf(missing !== undefined)(`redisBroker on one server${skipped}`, () => {
  let server: RedisServer;
  const proxies: FaultProxy[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await server.close();
  });

  // Each broker has a way of its own to the server, which the suite can cut.
  describeBroker(
    "redis, by its address",
    async ({ network }) => {
      const proxy = await FaultProxy.listen({ port: server.port });
      proxies.push(proxy);
      const set = (isCut: boolean): void => proxy.set({ toServer: { isCut }, toClient: { isCut } });
      const broker = redisBroker({ url: `redis://127.0.0.1:${proxy.port}`, prefix: network, onError });
      return { broker, cut: () => set(true), mend: () => set(false) };
    },
    abilities,
  );
});

describe.skipIf(missing !== undefined)(`redisBroker on a Cluster${skipped}`, () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 30_000);
  afterAll(() => cluster.close());

  // The other client library, and sharded channels.
  describeBroker(
    "redis Cluster",
    ({ network }) => {
      const client = createCluster({ rootNodes: cluster.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) });
      return redisBroker({ client, prefix: network, onError });
    },
    { ...abilities, cut: "the suite of one server does it" },
  );
});
