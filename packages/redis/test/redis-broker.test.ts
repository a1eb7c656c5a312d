import { redisBroker } from "@upwire/redis";
import { describeBroker } from "@upwire/testing";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { afterAll, beforeAll, describe } from "vitest";

const missing = redisMissing();

describe.skipIf(missing !== undefined)(`redisBroker${missing === undefined ? "" : ` (${missing})`}`, () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());

  const ownTime = "Redis has its own time";
  describeBroker("redis", ({ network }) => redisBroker({ url: server.url, prefix: network }), {
    age: ownTime,
    save: "Redis keeps it",
    cut: "x",
  });
});
