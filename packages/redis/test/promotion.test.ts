import { FaultProxy } from "@upwire/testing";
import { redisMissing, startRedis } from "@upwire/testing/redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { Names } from "../src/data/names.ts";
import { expectNoneUnhandled } from "./driver/started.ts";
import { Relay } from "./support/relay.ts";
import { follow, promote, startReplica, untilSame } from "./support/replicas.ts";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const names = new Names("upwire");

function closed<Closable extends { close(): Promise<void> }>(one: Closable): Closable {
  onTestFinished(() => one.close());
  return one;
}

describe.skipIf(missing !== undefined)(`redisBroker and a replica that becomes the master${missing === undefined ? "" : ` (${missing})`}`, () => {
  expectNoneUnhandled();

  it("names a run by what the server calls it, not by an address", async () => {
    const server = closed(await startRedis());
    const node = await TestNode.start({ url: server.url });
    await node.broker.publish("a", "1", { history });
    const run = /run_id:([0-9a-f]{16})/.exec(await server.cli("INFO", "server"))?.[1];
    expect(await server.cli("GET", names.meta("a"))).toContain(`${run}z`);
  });

  it("works for a user who may not know it", async () => {
    const server = closed(await startRedis());
    await server.cli("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-info");
    const node = await TestNode.start({ url: `redis://app:secret@127.0.0.1:${server.port}` });
    for (const offset of [1, 2]) expect((await node.broker.publish("a", "x", { history })).position?.offset).toBe(offset);
    expect(await server.cli("GET", names.meta("a"))).toMatch(/[0-9a-fx]{6,}z[A-Za-z0-9]+:0$/);
  });

  // The same process is the master twice, and has the log of another in between.
  it("begins another epoch for a node that has seen what a server lost to its replica, though it is the master again", { timeout: 30_000 }, async () => {
    const first = closed(await startRedis());
    const copying = closed(await FaultProxy.listen({ port: first.port }));
    const second = closed(await startReplica(copying.port));
    const relay = closed(await Relay.start(first.port));
    const seesAll = await TestNode.start({ url: `redis://127.0.0.1:${relay.port}` });
    const epoch = (await seesAll.broker.subscribe("a", { history }))?.epoch;
    for (let number = 1; number <= 15; number++) await seesAll.broker.publish("a", String(number), { history });
    await untilSame(first, second);
    copying.set({ toServer: { isCut: true }, toClient: { isCut: true } });
    for (let number = 16; number <= 20; number++) await seesAll.broker.publish("a", String(number), { history });
    relay.lead(undefined);
    await promote(second);
    await follow(first, second.port);
    const other = await TestNode.start({ url: second.url });
    expect((await other.broker.publish("a", "other", { history })).position).toEqual({ epoch, offset: 16 });
    await untilSame(second, first);
    await promote(first);
    const third = await TestNode.start({ url: first.url });
    for (let number = 17; number <= 30; number++) await third.broker.publish("a", "third", { history });
    expect((await third.broker.history("a", 0, 1)).epoch).toBe(epoch);
    relay.lead(first.port);
    await until("the node is told", () => (seesAll.tops.get("a")?.epoch ?? epoch) !== epoch);
    const { position } = await third.broker.publish("a", "x", { history });
    expect(position?.epoch).not.toBe(epoch);
    await until("both know it", () => seesAll.tops.get("a")?.epoch === position?.epoch);
  });
});
