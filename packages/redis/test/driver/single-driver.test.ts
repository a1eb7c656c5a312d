import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultProxy } from "@upwire/testing";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import type { CreateDriverOptions } from "../../src/driver/create-driver.ts";
import { scriptOf } from "../../src/driver/script.ts";
import { expectNoneUnhandled, started } from "./started.ts";

const missing = redisMissing();

/** A second, and as much again for a machine that has other things to do. */
const BACK_MS = 2000;

type ClientFor = (port: number) => CreateDriverOptions["client"];

const makers: readonly (readonly [name: string, clientFor: ClientFor])[] = [
  ["ioredis", (port) => new Redis({ port, host: "127.0.0.1", lazyConnect: true, keyPrefix: "user:" })],
  ["node-redis", (port) => createClient({ url: `redis://127.0.0.1:${port}` })],
  ["url", (port) => ({ url: `redis://127.0.0.1:${port}/0` })],
];

const add = scriptOf("return redis.call('INCRBY', KEYS[1], ARGV[1])");

describe.skipIf(missing !== undefined)(`the driver of one server${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  expectNoneUnhandled();
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ appendonly: "always" });
  });
  afterAll(() => redis.close());

  describe.each(makers)("on %s", (_, clientFor) => {
    it("gives replies as bytes, numbers, null and flat arrays", async () => {
      const { driver, close } = await started(clientFor(redis.port));
      const odd = Buffer.from([0, 255, 13, 10, 128]);
      expect(await driver.call({ args: ["SET", "k", odd] })).toEqual(Buffer.from("OK"));
      const replies = await driver.many([
        { args: ["GET", "k"] },
        { args: ["GET", "none"] },
        { args: ["HSET", "h", "f", odd, "g", 2] },
        { args: ["HGETALL", "h"] },
        { args: ["XADD", "s", "1-0", "f", odd] },
        { args: ["XRANGE", "s", "-", "+"] },
        { script: add, keys: ["n"], args: [5] },
      ]);
      const id = Buffer.from("1-0");
      const [f, g] = [Buffer.from("f"), Buffer.from("g")];
      expect(replies).toEqual([odd, null, 2, [f, odd, g, Buffer.from("2")], id, [[id, [f, odd]]], 5]);
      await close();
      await redis.cli("FLUSHALL");
    });

    it("tells what the server refuses by its code, and goes on", async () => {
      const { driver, close } = await started(clientFor(redis.port));
      await driver.call({ args: ["SET", "k", "v"] });
      await expect(driver.call({ args: ["XADD", "k", "*", "f", "v"] })).rejects.toMatchObject({ name: "RedisReplyError", code: "WRONGTYPE" });
      const [wrong, right] = await driver.many([{ script: add, keys: ["k"], args: [1] }, { args: ["PING"] }]);
      expect([wrong, right]).toMatchObject([{ code: "ERR" }, Buffer.from("PONG")]);
      await redis.cli("SCRIPT", "FLUSH");
      expect(await driver.call({ script: add, keys: ["n"], args: [1] })).toBe(1);
      await close();
      await redis.cli("FLUSHALL");
    });

    it("hears what is published on 10,000 channels, and no others", async () => {
      const { driver, messages, close } = await started(clientFor(redis.port));
      await driver.subscribe(Array.from({ length: 10_000 }, (__, at) => `t:c${at}`));
      await driver.unsubscribe(["t:c1"]);
      const no = Buffer.from("no");
      await driver.many([driver.publication("t:c1", no), driver.publication("t:other", no), driver.publication("t:c9999", Buffer.from([255, 0, 128]))]);
      expect(await messages.next()).toEqual({ channel: "t:c9999", text: "\u00ff\u0000\u0080" });
      // Whatever the library makes of it, the last word counts.
      await Promise.all([driver.unsubscribe(["t:c2"]), driver.subscribe(["t:c2"])]);
      await driver.call(driver.publication("t:c2", Buffer.from("yes")));
      expect(await messages.next()).toEqual({ channel: "t:c2", text: "yes" });
      await close();
    });

    it("is down when the server is killed, and up within a second of its return, all channels subscribed first", async () => {
      const { driver, messages, states, errors, close } = await started(clientFor(redis.port));
      await driver.subscribe(["t:a"]);
      redis.stop();
      const under = driver.call({ args: ["PING"] }).catch((error: unknown) => error);
      await redis.kill9();
      expect(await under).toMatchObject({ name: "RedisUnavailableError", maybeDone: true });
      expect(await states.next()).toBe("down");
      await expect(driver.call({ args: ["PING"] })).rejects.toMatchObject({ name: "RedisUnavailableError", maybeDone: false });
      const later = driver.subscribe(["t:b"]);
      await redis.restart();
      const back = performance.now();
      expect([await states.next(), await states.next()]).toEqual(["again", "up"]);
      expect(performance.now() - back).toBeLessThan(BACK_MS);
      await later;
      await driver.many([driver.publication("t:a", Buffer.from("1")), driver.publication("t:b", Buffer.from("2"))]);
      expect([(await messages.next()).text, (await messages.next()).text]).toEqual(["1", "2"]);
      expect(errors).toEqual([expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+ is away: /)]);
      await close();
    });
  });

  // Each waits for a silence of 4 s, so they do it together, on servers of their own.
  describe.each(makers.slice(0, 2))("when nothing is answered, on %s", { concurrent: true, timeout: 20_000 }, (_, clientFor) => {
    it("is down within 5 s when the server freezes, and up within a second of its return", async () => {
      const frozen = await startRedis();
      const { driver, states, close } = await started(clientFor(frozen.port));
      await driver.subscribe(["t:a"]);
      frozen.stop();
      const stopped = performance.now();
      const under = driver.call({ args: ["PING"] }).catch((error: unknown) => error);
      expect(await states.next(6000)).toBe("down");
      expect(performance.now() - stopped).toBeLessThan(5000);
      expect(await under).toMatchObject({ maybeDone: true });
      frozen.cont();
      const back = performance.now();
      expect([await states.next(), await states.next()]).toEqual(["again", "up"]);
      expect(performance.now() - back).toBeLessThan(BACK_MS);
      await close();
      await frozen.close();
    });

    it.each(["toClient", "toServer"] as const)("is down within 5 s when the way %s is cut, and up when it is whole", async (direction) => {
      const server = await startRedis();
      const proxy = await FaultProxy.listen({ port: server.port });
      const { states, close } = await started(clientFor(proxy.port));
      proxy.set({ [direction]: { isCut: true } });
      const cut = performance.now();
      expect(await states.next(6000)).toBe("down");
      expect(performance.now() - cut).toBeLessThan(5000);
      proxy.set({ [direction]: { isCut: false } });
      expect([await states.next(), await states.next()]).toEqual(["again", "up"]);
      await close();
      await proxy.close();
      await server.close();
    });
  });
});
