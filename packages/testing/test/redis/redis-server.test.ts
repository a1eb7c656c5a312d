import { connect } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";

const missing = redisMissing();

describe.skipIf(missing !== undefined)(`a Redis server for tests${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ appendonly: "always" });
  });
  afterAll(() => redis.close());

  it("loses nothing that was acknowledged when it is killed and restarted on its port", async () => {
    const { port, pid } = redis;
    await redis.cli("SET", "k", "v");
    await redis.kill9();
    await expect(redis.cli("GET", "k")).rejects.toThrow("refused");
    await redis.restart();
    expect([redis.port, await redis.cli("GET", "k")]).toEqual([port, "v"]);
    expect(redis.pid).not.toBe(pid);
  });

  it("takes connections and answers nothing while it is stopped", async () => {
    redis.stop();
    const socket = connect(redis.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("PING\r\n");
    const answer = once(socket, "data").then(([data]) => String(data));
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 50, "nothing"))]);
    redis.cont();
    expect([first, await answer]).toEqual(["nothing", "+PONG\r\n"]);
    socket.destroy();
  });

  it("says why it does not start", async () => {
    await expect(startRedis({ args: ["--no-such-option", "1"] })).rejects.toThrow(/redis-server ended with 1:[^]*no-such-option/);
  });
});
