import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Names } from "../src/data/names.ts";
import { planeNames } from "../src/nodes/names.ts";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const names = new Names("upwire");
const { alive, kept } = planeNames("upwire");
const epoch = /^[A-Za-z0-9_-]{8,32}$/;

/** A meta string. @param top Six bytes, the highest first. */
function meta(top: readonly number[], epochBytes: string): Buffer {
  return Buffer.concat([Buffer.from("uw1"), Buffer.from(top), Buffer.alloc(60), Buffer.from([epochBytes.length]), Buffer.from(`${epochBytes}run:0`, "latin1")]);
}

describe.skipIf(missing !== undefined)(`redisBroker and keys that another program has written${missing === undefined ? "" : ` (${missing})`}`, () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.close();
  });

  it("begins a topic again whose string is none of ours", async () => {
    const { broker } = await TestNode.start({ url: server.url });
    const low = [0, 0, 0, 0, 0, 1];
    const strings = [
      Buffer.from(""),
      Buffer.from("uw1"),
      Buffer.alloc(200),
      meta([255, 255, 255, 255, 255, 255], "epoch-of-it"),
      meta(low, ""),
      meta(low, "\xff".repeat(12)),
    ];
    for (const text of strings) {
      await client.set(names.meta("a"), text);
      await client.del(names.stream("a"));
      expect((await broker.history("a", 0, 10)).epoch).toBe("");
      const { position } = await broker.publish("a", "x", { history });
      expect([epoch.test(position?.epoch ?? ""), position?.offset]).toEqual([true, 1]);
    }
  });

  it("takes what stands under an idempotency key for nothing unless it is a position", async () => {
    const { broker } = await TestNode.start({ url: server.url });
    for (const [at, text] of ["", "-", "garbage", "x y z", "epoch-of-it 0", "epoch-of-it 1e3", "epoch of it 1"].entries()) {
      await client.set(names.key("k", `${at}`), text);
      const first = await broker.publish("k", "x", { history, key: `${at}` });
      expect([first.repeated, first.position?.offset]).toEqual([false, at + 1]);
      expect(await broker.publish("k", "x", { history, key: `${at}` })).toMatchObject({ repeated: true, position: first.position });
    }
  });

  it("shows entries that lie about themselves as a loss", async () => {
    const { broker } = await TestNode.start({ url: server.url });
    for (const body of ["", "short", "\0".repeat(12), `${"\0".repeat(6)}${"\xff".repeat(6)}`, `${"\0".repeat(7)}\x09${"\0".repeat(4)}\x02\0x`]) {
      await client.del(names.meta("s"), names.stream("s"));
      await broker.publish("s", "1", { history });
      const [[id]] = (await client.xrange(names.stream("s"), "-", "+")) as [[string, string[]]];
      await client.xdel(names.stream("s"), id);
      await client.xadd(names.stream("s"), "1-99999", "d", Buffer.from(body, "latin1"));
      expect(await broker.history("s", 0, 10)).toMatchObject({ first: 2, publications: [] });
      expect((await broker.publish("s", "2", { history })).position?.offset).toBe(2);
    }
  });

  it("goes on telling what is kept behind an entry that lacks something", async () => {
    const [one, two] = [await TestNode.start({ url: server.url }), await TestNode.start({ url: server.url })];
    for (const fields of [
      ["u", "soon"],
      ["x", "y"],
      ["d", "x", "u", "1e300"],
      ["f", "no name", "d", "x", "u", "1e300"],
    ])
      await client.xadd(kept, "*", "t", "", ...fields);
    await one.broker.tell(two.broker.node, Buffer.from("hello"), { keepMs: 5000 });
    await until("it is told", () => two.broker.stats.told > 0);
    expect([two.broker.stats.told, two.errors]).toEqual([1, []]);
  });

  it("holds no more than 64 MiB of what is told and not taken over", async () => {
    const { broker } = await TestNode.start({ url: server.url });
    const data = Buffer.alloc(1024 * 1024);
    const results = await Promise.allSettled(Array.from({ length: 70 }, () => broker.tell("node-that-never-was", data)));
    expect(results.map(({ status }) => status === "fulfilled")).toEqual(results.map((_, at) => at < 64));
    await broker.tell("node-that-never-was", data);
  });

  it("shows no node that has no name of ours, and none for longer than a lease", async () => {
    const { broker } = await TestNode.start({ url: server.url });
    await client.zadd(alive, "9e15", "of-the-future", "9e15", "", "9e15", "no name\n");
    await until("the leases are as long as others", async () => Number(await client.zscore(alive, "of-the-future")) < Date.now() + 60_000);
    expect(broker.nodes()).toEqual(expect.not.arrayContaining(["", "no name\n"]));
  });
});
