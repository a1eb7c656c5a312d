import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Channel, FaultProxy } from "@upwire/testing";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { realClock } from "../../../cluster/src/broker/real-clock.ts";
import { createDriver, type CreateDriverOptions } from "../../src/driver/create-driver.ts";
import type { RedisDriver } from "../../src/driver/driver.ts";
import { scriptOf } from "../../src/driver/script.ts";

const missing = redisMissing();

type Told = { readonly channel: string; readonly text: string };

interface Started {
  readonly driver: RedisDriver;
  readonly messages: Channel<Told>;
  /** States, and `again` for each `resubscribed`. */
  readonly states: Channel<string>;
  readonly errors: string[];
}

const makers: Readonly<Record<string, (port: number) => CreateDriverOptions["client"]>> = {
  ioredis: (port) => new Redis({ port, host: "127.0.0.1", lazyConnect: true, keyPrefix: "user:" }),
  "node-redis": (port) => createClient({ url: `redis://127.0.0.1:${port}` }),
  url: (port) => ({ url: `redis://127.0.0.1:${port}/0` }),
};

const open = new Set<RedisDriver>();

async function start(client: CreateDriverOptions["client"], options: Partial<CreateDriverOptions> = {}): Promise<Started> {
  const driver = await createDriver({ client, prefix: "t", node: `n${Math.random()}`, clock: realClock, ...options });
  open.add(driver);
  const messages = new Channel<Told>();
  const states = new Channel<string>();
  const errors: string[] = [];
  await driver.start({
    message: (channel, data) => messages.push({ channel, text: data.toString("latin1") }),
    resubscribed: () => states.push("again"),
    state: (state) => states.push(state),
    error: ({ message }) => errors.push(message),
  });
  expect(await states.next()).toBe("up");
  return { driver, messages, states, errors };
}

const add = scriptOf("return redis.call('INCRBY', KEYS[1], ARGV[1])");

describe.skipIf(missing !== undefined).each(Object.keys(makers))(`the driver of one server, on %s${missing === undefined ? "" : ` (skipped: ${missing})`}`, (name) => {
  const clientFor = makers[name] as (port: number) => CreateDriverOptions["client"];
  let redis: RedisServer;
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  beforeAll(async () => {
    redis = await startRedis({ appendonly: "always" });
    process.on("unhandledRejection", note);
  });
  afterEach(async () => {
    await Promise.all([...open].map((driver) => driver.close()));
    open.clear();
    expect(uncaught).toEqual([]);
  });
  afterAll(async () => {
    process.off("unhandledRejection", note);
    await redis.close();
  });

  it("gives replies as bytes, numbers, null and flat arrays", async () => {
    const { driver } = await start(clientFor(redis.port));
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
    expect(replies).toEqual([odd, null, 2, [Buffer.from("f"), odd, Buffer.from("g"), Buffer.from("2")], Buffer.from("1-0"), [[Buffer.from("1-0"), [Buffer.from("f"), odd]]], 5]);
    await redis.cli("FLUSHALL");
  });

  it("tells what the server refuses by its code, and goes on", async () => {
    const { driver } = await start(clientFor(redis.port));
    await driver.call({ args: ["SET", "k", "v"] });
    await expect(driver.call({ args: ["XADD", "k", "*", "f", "v"] })).rejects.toMatchObject({ name: "RedisReplyError", code: "WRONGTYPE" });
    const [wrong, right] = await driver.many([{ script: add, keys: ["k"], args: [1] }, { args: ["PING"] }]);
    expect([wrong, right]).toMatchObject([{ code: "ERR" }, Buffer.from("PONG")]);
    await redis.cli("SCRIPT", "FLUSH");
    expect(await driver.call({ script: add, keys: ["n"], args: [1] })).toBe(1);
    await redis.cli("FLUSHALL");
  });

  it("hears what is published on 10,000 channels, and no others", async () => {
    const { driver, messages } = await start(clientFor(redis.port));
    const channels = Array.from({ length: 10_000 }, (_, at) => `t:c${at}`);
    await driver.subscribe(channels);
    await driver.unsubscribe(["t:c1"]);
    await driver.many([driver.publication("t:c1", Buffer.from("no")), driver.publication("t:other", Buffer.from("no")), driver.publication("t:c9999", Buffer.from([255, 0, 128]))]);
    expect(await messages.next()).toEqual({ channel: "t:c9999", text: "\u00ff\u0000\u0080" });
    await Promise.all([driver.unsubscribe(["t:c2"]), driver.subscribe(["t:c2"])]);
    await driver.call(driver.publication("t:c2", Buffer.from("yes")));
    expect(await messages.next()).toEqual({ channel: "t:c2", text: "yes" });
  });

  it("is down when the server is killed, and up within a second of its return, all channels subscribed first", async () => {
    const { driver, messages, states, errors } = await start(clientFor(redis.port));
    await driver.subscribe(["t:a"]);
    const under = driver.call({ args: ["DEBUG", "SLEEP", "5"] });
    const killed = expect(under).rejects.toMatchObject({ name: "RedisUnavailableError", maybeDone: true });
    await redis.kill9();
    await killed;
    expect(await states.next()).toBe("down");
    await expect(driver.call({ args: ["PING"] })).rejects.toMatchObject({ name: "RedisUnavailableError", maybeDone: false });
    const later = driver.subscribe(["t:b"]);
    await redis.restart();
    const back = performance.now();
    expect([await states.next(), await states.next()]).toEqual(["again", "up"]);
    expect(performance.now() - back).toBeLessThan(1000);
    await later;
    await driver.many([driver.publication("t:a", Buffer.from("1")), driver.publication("t:b", Buffer.from("2"))]);
    expect([(await messages.next()).text, (await messages.next()).text]).toEqual(["1", "2"]);
    expect(errors).toEqual([expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+ is away: /)]);
  });

  it("is down within 5 s when the server freezes, and up within a second of its return", { timeout: 20_000 }, async () => {
    const { driver, states } = await start(clientFor(redis.port));
    await driver.subscribe(["t:a"]);
    redis.stop();
    const stopped = performance.now();
    const under = expect(driver.call({ args: ["PING"] })).rejects.toMatchObject({ maybeDone: true });
    expect(await states.next(6000)).toBe("down");
    expect(performance.now() - stopped).toBeLessThan(5000);
    await under;
    redis.cont();
    const back = performance.now();
    expect([await states.next(), await states.next()]).toEqual(["again", "up"]);
    expect(performance.now() - back).toBeLessThan(1000);
  });

  it("is down within 5 s when the network is cut, and up when it is whole", { timeout: 20_000 }, async () => {
    const proxy = await FaultProxy.listen({ port: redis.port });
    try {
      const { states } = await start(clientFor(proxy.port));
      proxy.set({ toClient: { isCut: true } });
      const cut = performance.now();
      expect(await states.next(6000)).toBe("down");
      expect(performance.now() - cut).toBeLessThan(5000);
      proxy.set({ toClient: { isCut: false } });
      expect([await states.next(), await states.next()]).toEqual(["again", "up"]);
    } finally {
      await Promise.all([...open].map((driver) => driver.close()));
      await proxy.close();
    }
  });
});
