import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FaultProxy } from "@upwire/testing";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { Names } from "../src/data/names.ts";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const names = new Names("upwire");

async function serverOf(options?: Parameters<typeof startRedis>[0]): Promise<RedisServer> {
  const server = await startRedis(options);
  onTestFinished(() => server.close());
  return server;
}

/** The newest file of the append-only log. */
async function logOf({ folder }: RedisServer): Promise<string> {
  const files = await readdir(join(folder, "appendonlydir"));
  return join(
    folder,
    "appendonlydir",
    files
      .filter((file) => file.endsWith(".incr.aof"))
      .toSorted()
      .at(-1) ?? "",
  );
}

async function restart(server: RedisServer, nodes: readonly TestNode[], whileAway: () => Promise<void>): Promise<void> {
  await server.kill9();
  await until("all are down", () => nodes.every(({ broker }) => broker.state() === "down"));
  await whileAway();
  await server.restart();
  await until("all are up", () => nodes.every(({ broker }) => broker.state() === "up"));
}

describe.skipIf(missing !== undefined)(`redisBroker and a history that is lost${missing === undefined ? "" : ` (${missing})`}`, () => {
  it("goes on in the same epoch after a restart with a whole log", async () => {
    const server = await serverOf({ appendonly: "always" });
    const node = await TestNode.start({ url: server.url });
    const position = await node.broker.subscribe("a", { history });
    for (let number = 1; number <= 10; number++) await node.broker.publish("a", String(number), { history });
    await restart(server, [node], async () => {});
    expect((await node.broker.publish("a", "11", { history })).position).toEqual({ epoch: position?.epoch, offset: 11 });
    const page = await node.broker.history("a", 0, 100);
    expect(page.publications.map(({ data }) => data)).toEqual(Array.from({ length: 11 }, (_, at) => String(at + 1)));
  });

  it("begins another epoch when the log came back shorter, before it gives an offset twice", async () => {
    const server = await serverOf({ appendonly: "always" });
    const node = await TestNode.start({ url: server.url });
    const first = await node.broker.subscribe("a", { history });
    let bytes = 0;
    for (let number = 1; number <= 20; number++) {
      await node.broker.publish("a", String(number), { history });
      if (number === 15) bytes = (await stat(await logOf(server))).size;
    }
    await restart(server, [node], async () => {
      const file = await open(await logOf(server), "r+");
      await file.truncate(bytes);
      await file.close();
    });
    await until("the node is told", () => node.tops.get("a")?.epoch !== first?.epoch);
    const { position } = await node.broker.publish("a", "new", { history });
    expect(position?.epoch).toBe(node.tops.get("a")?.epoch);
    expect(position?.offset).toBe(1);
  });

  // A node that had seen less publishes first: the log then grows past what the other node has seen.
  it("begins another epoch for a node that had seen more, though another one has published on", { timeout: 30_000 }, async () => {
    const server = await serverOf({ appendonly: "always" });
    const proxy = await FaultProxy.listen({ port: server.port });
    onTestFinished(() => proxy.close());
    const seesAll = await TestNode.start({ url: `redis://127.0.0.1:${proxy.port}` });
    const epoch = (await seesAll.broker.subscribe("a", { history }))?.epoch;
    let bytes = 0;
    for (let number = 1; number <= 20; number++) {
      await seesAll.broker.publish("a", String(number), { history });
      if (number === 15) bytes = (await stat(await logOf(server))).size;
    }
    await server.kill9();
    proxy.set({ toServer: { isCut: true }, toClient: { isCut: true } });
    await until("it is down", () => seesAll.broker.state() === "down");
    const file = await open(await logOf(server), "r+");
    await file.truncate(bytes);
    await file.close();
    await server.restart();
    const other = await TestNode.start({ url: server.url });
    for (let number = 16; number <= 40; number++) await other.broker.publish("a", `other ${number}`, { history });
    expect((await other.broker.history("a", 0, 1)).epoch).toBe(epoch);
    proxy.set({ toServer: { isCut: false }, toClient: { isCut: false } });
    await until("the node is told", () => (seesAll.tops.get("a")?.epoch ?? epoch) !== epoch);
    // Both go on in one and the same epoch.
    const { position } = await other.broker.publish("a", "x", { history });
    await until("both know it", () => seesAll.tops.get("a")?.epoch === position?.epoch && seesAll.tops.get("a")?.offset === position?.offset);
  });

  it("begins another epoch when its state is deleted, and tells the subscribers within seconds", async () => {
    const server = await serverOf();
    const node = await TestNode.start({ url: server.url });
    const first = await node.broker.subscribe("a", { history });
    await node.broker.publish("a", "1", { history });
    await server.cli("DEL", names.meta("a"));
    await until("the node is told", () => node.tops.get("a")?.epoch !== first?.epoch);
    expect(await server.cli("EXISTS", names.stream("a"))).toBe("0");
    expect((await node.broker.publish("a", "2", { history })).position).toEqual({ epoch: node.tops.get("a")?.epoch, offset: 1 });
  });

  it("begins another epoch when everything is deleted and a publish comes first", async () => {
    const server = await serverOf();
    const node = await TestNode.start({ url: server.url });
    const first = await node.broker.publish("a", "1", { history });
    await server.cli("FLUSHALL");
    const { position } = await node.broker.publish("a", "2", { history });
    expect(position?.offset).toBe(1);
    expect(position?.epoch).not.toBe(first.position?.epoch);
  });

  it("says that nothing is kept any more when the publications alone are deleted, and goes on counting", async () => {
    const server = await serverOf();
    const node = await TestNode.start({ url: server.url });
    const { position } = await node.broker.publish("a", "1", { history });
    await node.broker.publish("a", "2", { history });
    await server.cli("DEL", names.stream("a"));
    expect(await node.broker.history("a", 0, 10)).toEqual({ epoch: position?.epoch, top: 2, first: 3, publications: [] });
    expect((await node.broker.publish("a", "3", { history })).position).toEqual({ epoch: position?.epoch, offset: 3 });
    expect((await node.broker.history("a", 0, 10)).publications).toEqual([{ offset: 3, data: "3" }]);
  });

  it("begins another epoch when entries were taken out of the stream or put into it", async () => {
    const server = await serverOf();
    const node = await TestNode.start({ url: server.url });
    const tampering = [
      ["XTRIM", names.stream("a"), "MAXLEN", 1],
      ["XADD", names.stream("a"), "*", "field", "value"],
    ];
    for (const command of tampering) {
      await node.broker.publish("a", "1", { history });
      const { position } = await node.broker.publish("a", "2", { history });
      await server.cli(...command);
      const next = await node.broker.publish("a", "3", { history });
      expect(next.position?.offset).toBe(1);
      expect(next.position?.epoch).not.toBe(position?.epoch);
      expect((await node.broker.history("a", 0, 10)).publications).toEqual([{ offset: 1, data: "3" }]);
    }
  });

  it("begins another epoch when its state was overwritten by something that is not ours", async () => {
    const server = await serverOf();
    const node = await TestNode.start({ url: server.url });
    const { position } = await node.broker.publish("a", "1", { history });
    await server.cli("SET", names.meta("a"), "hello");
    expect(await node.broker.history("a", 0, 10)).toEqual({ epoch: "", top: 0, first: 1, publications: [] });
    const next = await node.broker.publish("a", "2", { history });
    expect(next.position?.offset).toBe(1);
    expect(next.position?.epoch).not.toBe(position?.epoch);
  });

  it("skips an entry of the stream that is not ours, and says that the history begins behind it", async () => {
    const server = await serverOf();
    const node = await TestNode.start({ url: server.url });
    for (const data of ["1", "2", "3"]) await node.broker.publish("a", data, { history });
    // As many entries as before, and an id that fits.
    const ids = (await server.cli("XRANGE", names.stream("a"), "-", "+")).split("\n").filter((line) => /^\d+-\d+$/.test(line));
    await server.cli("XDEL", names.stream("a"), ids[2] ?? "");
    await server.cli("XADD", names.stream("a"), `${ids[2]?.split("-")[0]}-999`, "other", "of another program, long enough");
    const page = await node.broker.history("a", 0, 10);
    expect(page).toMatchObject({ top: 3, first: 4, publications: [] });
    expect(node.broker.stats.foreign).toBe(1);
  });

  it("keeps what it knows when the server forgets its scripts", async () => {
    const server = await serverOf();
    const node = await TestNode.start({ url: server.url });
    const { position } = await node.broker.publish("a", "1", { history });
    await server.cli("SCRIPT", "FLUSH");
    expect((await node.broker.publish("a", "2", { history })).position).toEqual({ epoch: position?.epoch, offset: 2 });
    await server.cli("SCRIPT", "FLUSH");
    expect((await node.broker.history("a", 0, 10)).publications).toHaveLength(2);
    await server.cli("SCRIPT", "FLUSH");
    expect((await node.broker.subscribe("a", { history }))?.offset).toBe(2);
    await server.cli("SCRIPT", "FLUSH");
    expect((await node.broker.publish("b", "x", { key: "k" })).repeated).toBe(false);
  });
});
