import { redisMissing, startRedisCluster, type RedisCluster } from "@upwire/testing/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const missing = redisMissing();

describe.skipIf(missing !== undefined)(`a Redis Cluster for tests${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 30_000);
  afterAll(() => cluster.close());

  it("has three masters with one replica each, and another master for a slot whose master is killed", async () => {
    const before = await cluster.masterOf("a");
    expect(cluster.nodes.slice(0, 3)).toContain(before);
    await before.kill9();
    await cluster.whole();
    const after = await cluster.masterOf("a");
    expect(cluster.nodes.slice(3)).toContain(after);
    expect(await after.cli("SET", "a", "1")).toBe("OK");
  }, 20_000);
});
