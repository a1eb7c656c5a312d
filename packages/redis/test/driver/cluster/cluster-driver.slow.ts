import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisMissing, startRedisCluster, type RedisCluster } from "@upwire/testing/redis";
import type { CreateDriverOptions } from "../../../src/driver/create-driver.ts";
import { scriptOf } from "../../../src/driver/script.ts";
import { expectNoneUnhandled, started } from "../started.ts";

const missing = redisMissing();

/** A second, and as much again for a machine that has other things to do. */
const BACK_MS = 2000;

type Make = (ports: readonly number[]) => CreateDriverOptions["client"];

const makers: readonly (readonly [library: string, make: Make])[] = [
  [
    "ioredis",
    (ports) =>
      new Cluster(
        ports.map((port) => ({ port, host: "127.0.0.1" })),
        { lazyConnect: true, keyPrefix: "user:" },
      ),
  ],
  ["node-redis", (ports) => createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) })],
];

const add = scriptOf("return redis.call('INCRBY', KEYS[1], ARGV[1])");
const names = Array.from({ length: 60 }, (_, at) => `t:c${at}`);

describe.skipIf(missing !== undefined)(`the driver of a Cluster${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  expectNoneUnhandled();
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 30_000);
  afterAll(() => cluster.close());

  it.each(makers)("sends each call to the master of its key, and hears each channel from its own: %s", async (_, make) => {
    const { driver, messages, close } = await started(make(cluster.ports));
    try {
      await driver.subscribe(names);
      const replies = await driver.many(
        names.flatMap((key) => [
          { args: ["SET", key, 1], key },
          { script: add, keys: [key], args: [2] },
        ]),
      );
      expect(replies).toEqual(names.flatMap(() => [Buffer.from("OK"), 3]));
      await driver.many(names.map((channel) => driver.publication(channel, Buffer.from(channel))));
      const heard = new Set<string>();
      while (heard.size < names.length) heard.add((await messages.next()).text);
      expect([...heard].toSorted()).toEqual([...names].toSorted());
    } finally {
      await close();
    }
  });

  it("goes where a slot has moved, for calls and for channels", { timeout: 30_000 }, async () => {
    const all = await Promise.all(makers.map(([, make]) => started(make(cluster.ports))));
    try {
      const channel = "t:moving";
      const from = await cluster.masterOf(channel);
      const slot = await from.cli("CLUSTER", "KEYSLOT", channel);
      for (const { driver } of all) await driver.subscribe([channel]);
      const to = (await Promise.all(names.map((key) => cluster.masterOf(key)))).find((server) => server !== from);
      if (to === undefined) throw new Error("all keys have one master");
      const [toId, fromId] = await Promise.all([to.cli("CLUSTER", "MYID"), from.cli("CLUSTER", "MYID")]);
      await to.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
      await from.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
      // While a slot is on its way, what it lacks already is asked for at its new master.
      for (const { driver } of all)
        expect(
          await driver.many([
            { script: add, keys: [channel], args: [1] },
            { args: ["TTL", channel], key: channel },
          ]),
        ).toEqual([expect.any(Number), -1]);
      // In this order, or its old master would still claim it.
      for (const node of [to, from, ...cluster.nodes.filter((other) => other !== to && other !== from)]) {
        await node.cli("CLUSTER", "SETSLOT", slot, "NODE", toId).catch(() => "a replica refuses it");
      }
      for (const { driver, states, messages } of all) {
        expect(await driver.call({ args: ["SET", channel, "v"], key: channel })).toEqual(Buffer.from("OK"));
        expect(await states.next(10_000)).toBe("again");
        await driver.call(driver.publication(channel, Buffer.from("here")));
        expect(await messages.next()).toEqual({ channel, text: "here" });
      }
    } finally {
      await Promise.all(all.map(({ close }) => close()));
    }
  });

  it("is degraded when a master is killed, and up with every channel when its replica has taken over", { timeout: 30_000 }, async () => {
    const all = await Promise.all(makers.map(([, make]) => started(make(cluster.ports))));
    try {
      for (const { driver } of all) await driver.subscribe(names);
      const master = await cluster.masterOf("t:c0");
      await master.kill9();
      for (const { driver, states } of all) {
        expect(await states.next(8000)).toMatch(/degraded|down/);
        await expect(driver.call({ args: ["GET", "t:c0"], key: "t:c0" })).rejects.toMatchObject({ name: "RedisUnavailableError" });
      }
      await cluster.whole();
      const whole = performance.now();
      for (const { driver, states, messages, errors } of all) {
        const seen: string[] = [];
        while (seen.at(-1) !== "up") seen.push(await states.next(5000));
        expect(performance.now() - whole).toBeLessThan(BACK_MS);
        expect(seen).toContain("again");
        await driver.many(names.map((channel) => driver.publication(channel, Buffer.from(channel))));
        const heard = new Set<string>();
        while (heard.size < names.length) heard.add((await messages.next()).text);
        expect(errors.length).toBeGreaterThan(0);
      }
      await master.restart();
    } finally {
      await Promise.all(all.map(({ close }) => close()));
    }
  });

  it("is degraded within 5 s when a master freezes, and up when its replica has taken over", { timeout: 60_000 }, async () => {
    const all = await Promise.all(makers.map(([, make]) => started(make(cluster.ports))));
    const master = await cluster.masterOf("t:c0");
    try {
      for (const { driver } of all) await driver.subscribe(names);
      master.stop();
      const stopped = performance.now();
      const under = all.map(({ driver }) => driver.call({ args: ["GET", "t:c0"], key: "t:c0" }).catch((error: unknown) => error));
      for (const { states } of all) expect(await states.next(8000)).toMatch(/degraded|down/);
      expect(performance.now() - stopped).toBeLessThan(5000);
      expect(await Promise.all(under)).toMatchObject(all.map(() => ({ name: "RedisUnavailableError", maybeDone: true })));
      await cluster.whole();
      for (const { driver, states, messages } of all) {
        const seen: string[] = [];
        while (seen.at(-1) !== "up") seen.push(await states.next(8000));
        expect(seen).toContain("again");
        await driver.many(names.map((channel) => driver.publication(channel, Buffer.from(channel))));
        const heard = new Set<string>();
        while (heard.size < names.length) heard.add((await messages.next()).text);
      }
    } finally {
      master.cont();
      await Promise.all(all.map(({ close }) => close()));
    }
  });

  it("starts while one of its start nodes is frozen", { timeout: 30_000 }, async () => {
    const [first] = cluster.nodes;
    await cluster.whole();
    first?.stop();
    try {
      await cluster.whole();
      for (const [, make] of makers) {
        const { driver, close } = await started(make(cluster.ports), { startWithinMs: 20_000 });
        expect(driver.state()).toBe("up");
        await close();
      }
    } finally {
      first?.cont();
    }
  });
});
