import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Names } from "../src/data/names.ts";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const COUNT = 3000;
const topics = Array.from({ length: COUNT }, (_, number) => `topic ${number}`);

describe.skipIf(missing !== undefined)(`redisBroker and thousands of topics${missing === undefined ? "" : ` (${missing})`}`, () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.close());

  /** How often the server has run a command since it started, or since `CONFIG RESETSTAT`. */
  async function calls(command: string): Promise<number> {
    const stats = await server.cli("INFO", "commandstats");
    return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
  }

  async function expectFewCommands(): Promise<void> {
    expect(await calls("subscribe")).toBeLessThanOrEqual(10);
    // Leases, audits and what else a node does each second are among them.
    expect((await calls("evalsha")) + (await calls("eval"))).toBeLessThan(COUNT / 20);
  }

  it("subscribes those of one turn with few commands, and again when the server has lost all of it", async () => {
    const node = await TestNode.start({ url: server.url });
    await server.cli("CONFIG", "RESETSTAT");
    const [first, ...others] = await Promise.all(topics.map((topic, number) => node.broker.subscribe(topic, number % 2 === 0 ? { history } : {})));
    expect(first).toMatchObject({ offset: 0 });
    expect(others.filter((position) => position !== undefined)).toHaveLength(COUNT / 2 - 1);
    await expectFewCommands();
    const before = new Map(node.tops);
    expect(before.size).toBe(COUNT / 2);
    await server.kill9();
    await server.restart();
    // Without a log every topic with history begins another epoch, and the node tells each.
    await until("all are told again", () => [...node.tops].every(([topic, { epoch }]) => epoch !== before.get(topic)?.epoch), 20_000);
    await expectFewCommands();
    expect(await server.cli("PUBSUB", "NUMSUB", new Names("upwire").channel("topic 2999"))).toMatch(/1\s*$/);
  });

  it("tells what one topic lacks, and not those that are asked for with it", async () => {
    const { broker } = await TestNode.start({ url: server.url });
    await server.cli("LPUSH", new Names("upwire").meta("bad"), "x");
    const [good, bad, better] = await Promise.allSettled(["good", "bad", "better"].map((topic) => broker.subscribe(topic, { history })));
    for (const one of [good, better]) expect(one).toMatchObject({ status: "fulfilled", value: { offset: 0 } });
    expect(bad).toMatchObject({ status: "rejected", reason: { code: "unavailable", retryable: true } });
    expect(String((bad as PromiseRejectedResult).reason)).toMatch(/WRONGTYPE.*give the broker a `prefix` of its own/);
    // Another try, and each topic by itself, says the same.
    await expect(broker.subscribe("bad", { history })).rejects.toThrow("WRONGTYPE");
    await server.cli("DEL", new Names("upwire").meta("bad"));
    expect(await broker.subscribe("bad", { history })).toMatchObject({ offset: 0 });
  });
});
