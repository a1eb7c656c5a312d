import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Channel, FaultProxy } from "@upwire/testing";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { realClock } from "../../../cluster/src/broker/real-clock.ts";
import { createDriver } from "../../src/driver/create-driver.ts";
import { NodePlane } from "../../src/nodes/node-plane.ts";
import { planeScripts } from "../../src/nodes/scripts.ts";
import { expectNoneUnhandled } from "../driver/started.ts";

const missing = redisMissing();

interface Node {
  readonly name: string;
  readonly plane: NodePlane;
  readonly heard: Channel<string>;
  readonly alive: Channel<readonly string[]>;
  readonly reports: Channel<string>;
  /** Without a word. */
  readonly vanish: () => Promise<void>;
}

/** Nodes of one cluster, apart from those of other tests. */
class Nodes {
  readonly prefix = `t${Math.random()}`;
  readonly #port: number;
  readonly #open: Node[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  async join(port: number = this.#port): Promise<Node> {
    const { prefix } = this;
    const name = `node-00${this.#open.length}`;
    const client = new Redis({ port, host: "127.0.0.1", lazyConnect: true });
    const driver = await createDriver({ client, prefix, node: name, clock: realClock, scripts: planeScripts });
    const heard = new Channel<string>();
    const alive = new Channel<readonly string[]>();
    const reports = new Channel<string>();
    const plane = new NodePlane({
      driver,
      prefix,
      node: name,
      clock: realClock,
      told: (from, data) => heard.push(`${from}: ${Buffer.from(data).toString()}`),
      nodes: (nodes) => alive.push(nodes),
      foreign: () => {},
      report: ({ message }) => reports.push(message),
    });
    this.#open.push({ name, plane, heard, alive, reports, vanish: () => driver.close() });
    const sink = { message: plane.message.bind(plane), foreign: () => {}, resubscribed: plane.resubscribed.bind(plane), state: () => {}, error: () => {} };
    await driver.start(sink);
    await plane.start();
    return this.#open.at(-1) as Node;
  }

  async close(): Promise<void> {
    for (const { plane, vanish } of this.#open) {
      await plane.close();
      await vanish();
    }
  }
}

describe.skipIf(missing !== undefined)(
  `the nodes on Redis${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  { concurrent: true, timeout: 20_000 },
  () => {
    expectNoneUnhandled();
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.close());

    async function withNodes(run: (nodes: Nodes) => Promise<void>, port: number = redis.port): Promise<void> {
      const nodes = new Nodes(port);
      try {
        await run(nodes);
      } finally {
        await nodes.close();
      }
    }

    const bytes = (text: string): Buffer => Buffer.from(text);

    it("knows who comes and who goes at once", () =>
      withNodes(async (nodes) => {
        const one = await nodes.join();
        expect(one.plane.nodes()).toEqual([one.name]);
        const two = await nodes.join();
        expect(two.plane.nodes()).toEqual([one.name, two.name]);
        expect(await one.alive.next()).toEqual([one.name, two.name]);
        await two.plane.close();
        expect(await one.alive.next()).toEqual([one.name]);
        expect(two.plane.nodes()).toEqual([]);
      }));

    it("drops a node that ends without a word within 5 s", () =>
      withNodes(async (nodes) => {
        const one = await nodes.join();
        const two = await nodes.join();
        expect(await one.alive.next()).toEqual([one.name, two.name]);
        await two.vanish();
        const gone = performance.now();
        expect(await one.alive.next(6000)).toEqual([one.name]);
        expect(performance.now() - gone).toBeLessThan(5000);
      }));

    it("tells one, or all others, in the order of the calls, kept or not", () =>
      withNodes(async (nodes) => {
        const [one, two, three] = [await nodes.join(), await nodes.join(), await nodes.join()];
        const tells = ["1", "2", "3", "4"].map((text, at) => one.plane.tell(two.name, bytes(text), at % 2 === 0 ? { keepMs: 1000 } : {}));
        await Promise.all([...tells, one.plane.tell(undefined, bytes("all")), one.plane.tell(undefined, bytes("kept"), { keepMs: 1000 })]);
        await one.plane.tell(one.name, bytes("itself"));
        await one.plane.tell("no such node", bytes("no"));
        await two.plane.tell(one.name, Buffer.from([0, 255]));
        const heard = [];
        for (let at = 0; at < 6; at++) heard.push(await two.heard.next());
        expect(heard).toEqual(["1", "2", "3", "4", "all", "kept"].map((text) => `${one.name}: ${text}`));
        expect([await three.heard.next(), await three.heard.next()]).toEqual([`${one.name}: all`, `${one.name}: kept`]);
        expect(await one.heard.next()).toBe(`${two.name}: \u0000\ufffd`);
        expect([one.heard.size, two.heard.size, three.heard.size]).toEqual([0, 0, 0]);
      }));

    it("gives a node that was cut off what was kept for it, once, and not what is too old or was never for it", () =>
      withNodes(async (nodes) => {
        const proxy = await FaultProxy.listen({ port: redis.port });
        const one = await nodes.join();
        await one.plane.tell(undefined, bytes("before it started"), { keepMs: 60_000 });
        const two = await nodes.join(proxy.port);
        await one.plane.tell(two.name, bytes("live"), { keepMs: 60_000 });
        expect(await two.heard.next()).toBe(`${one.name}: live`);
        proxy.set({ toServer: { isCut: true }, toClient: { isCut: true } });
        await one.plane.tell(two.name, bytes("kept"), { keepMs: 60_000 });
        await one.plane.tell(two.name, bytes("not kept"));
        await one.plane.tell(two.name, bytes("too old"), { keepMs: 1 });
        await one.plane.tell("another", bytes("for another"), { keepMs: 60_000 });
        await one.alive.next();
        expect(await one.alive.next(6000)).toEqual([one.name]);
        await one.plane.tell(undefined, bytes("late"), { keepMs: 60_000 });
        proxy.set({ toServer: { isCut: false }, toClient: { isCut: false } });
        expect([await two.heard.next(), await two.heard.next()]).toEqual([`${one.name}: kept`, `${one.name}: late`]);
        expect(await one.alive.next()).toEqual([one.name, two.name]);
        expect(two.heard.size).toBe(0);
        await two.plane.close();
        await two.vanish();
        await proxy.close();
      }));

    // All entries are deleted; and another server takes over whose clock is behind, so that the ids of new ones are from before.
    it.each([
      ["are newer", 0],
      ["are older", 30_000],
    ])("tells each once what is kept, though the ids of what comes later %s", (_, aheadMs) =>
      withNodes(async (nodes) => {
        const proxy = await FaultProxy.listen({ port: redis.port });
        const one = await nodes.join();
        const two = await nodes.join(proxy.port);
        const kept = `${nodes.prefix}:{${nodes.prefix}.nodes}:kept`;
        await redis.cli("EVAL", "redis.call('XADD', KEYS[1], redis.call('TIME')[1] * 1000 + ARGV[1] .. '-0', 't', 'x')", 1, kept, aheadMs);
        const tell = (text: string): Promise<void> => one.plane.tell(two.name, bytes(text), { keepMs: 60_000 });
        await tell("before");
        expect(await two.heard.next()).toBe(`${one.name}: before`);
        await redis.cli("DEL", kept);
        await tell("live");
        expect(await two.heard.next()).toBe(`${one.name}: live`);
        proxy.set({ toServer: { isCut: true }, toClient: { isCut: true } });
        await one.alive.next();
        expect(await one.alive.next(6000)).toEqual([one.name]);
        await tell("late");
        proxy.set({ toServer: { isCut: false }, toClient: { isCut: false } });
        expect(await two.heard.next()).toBe(`${one.name}: late`);
        await tell("last");
        expect(await two.heard.next()).toBe(`${one.name}: last`);
        expect(two.heard.size).toBe(0);
        await two.plane.close();
        await two.vanish();
        await proxy.close();
      }),
    );

    it("keeps the nodes that it knows when Redis has lost them, and drops those that do not come back", async () => {
      const own = await startRedis();
      await withNodes(async (nodes) => {
        const [one, two, three] = [await nodes.join(), await nodes.join(), await nodes.join()];
        expect((await one.alive.next()).length + (await one.alive.next()).length).toBe(5);
        await three.vanish();
        await own.kill9();
        await own.restart();
        expect(await one.alive.next(6000)).toEqual([one.name, two.name]);
        await one.plane.tell(two.name, bytes("after"));
        expect(await two.heard.next()).toBe(`${one.name}: after`);
      }, own.port);
      await own.close();
    });

    it("says once what it cannot use, and starts not at all on it", () =>
      withNodes(async (nodes) => {
        const one = await nodes.join();
        await redis.cli("SET", `${nodes.prefix}:{${nodes.prefix}.nodes}:alive`, "foreign");
        expect(await one.reports.next()).toMatch(/^Redis refuses what keeps the nodes \(.*:alive.*WRONGTYPE/);
        await expect(nodes.join()).rejects.toThrow("WRONGTYPE");
        expect(one.plane.nodes()).toEqual([one.name]);
        await redis.cli("PUBLISH", `${nodes.prefix}:{${nodes.prefix}.nodes}:all`, "not an envelope");
        await redis.cli("DEL", `${nodes.prefix}:{${nodes.prefix}.nodes}:alive`);
        await one.plane.tell(one.name, bytes("itself"));
        expect(one.reports.size).toBe(0);
      }));
  },
);
