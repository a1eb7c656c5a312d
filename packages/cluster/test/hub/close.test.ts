import { describe, expect, it } from "vitest";
import { all, changed, turns } from "../casts/cluster.ts";
import { HubCluster } from "./hub-nodes.ts";

describe("close of a cluster hub", () => {
  it("closes the connections of a user, a room and the whole hub on all nodes", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const ann = await one.client({ user: "u1" });
    const amy = await two.client({ user: "u1", rooms: ["tea"] });
    const bob = await two.client({ rooms: ["tea"] });
    const cat = await one.client();
    expect(await two.all.user("u1").close(4403, "revoked")).toEqual(all(2));
    expect([await ann.heard(), await amy.heard(), await bob.heard()]).toEqual([["close 4403 revoked"], ["close 4403 revoked"], []]);
    for (const { peer } of [ann, amy]) peer.close(4403);
    await turns();
    expect(await one.all.room("tea").close(4000)).toEqual(all(1));
    expect(await bob.heard()).toEqual(["close 4000 going away"]);
    bob.peer.close(4000);
    await turns();
    expect(await two.all.close()).toEqual(all(1));
    expect(await cat.heard()).toEqual(["close 1001 going away"]);
  });

  it("is kept for a node that is cut off, and forgotten after keepMs", async () => {
    const cluster = new HubCluster();
    const [one, two, three] = await cluster.hubNodes(3);
    const amy = await two.client({ user: "u1" });
    const bob = await two.client({ user: "u2" });
    const cat = await three.client({ user: "u1" });
    cluster.network.cut(two.name);
    const [reach] = await cluster.after(one.all.user("u1").close(4403, "revoked"));
    expect(reach).toEqual({ reached: 1, missing: [two.name], delivery: "cluster" });
    await cluster.after(one.all.user("u2").close(4403, "", { keepMs: 2000 }));
    expect([await cat.heard(), await amy.heard()]).toEqual([["close 4403 revoked"], []]);
    cluster.clock.advance(5000);
    cluster.network.mend(two.name);
    expect([await amy.heard(), await bob.heard()]).toEqual([["close 4403 revoked"], []]);
  });

  it("is told to the others as soon as the broker works again", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const ann = await one.client({ user: "u1" });
    const amy = await two.client({ user: "u1" });
    cluster.network.cut(one.name);
    expect(await one.all.user("u1").close(4403)).toEqual({ reached: 1, missing: [two.name], delivery: "local-only" });
    expect([await ann.heard(), await amy.heard()]).toEqual([["close 4403 going away"], []]);
    cluster.clock.advance(30_000);
    await turns();
    cluster.network.mend(one.name);
    expect(await amy.heard()).toEqual(["close 4403 going away"]);
  });

  it("refuses what cannot be meant, and closes nothing", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const [ann, amy] = [await one.client({ user: "u1" }), await two.client({ user: "u1" })];
    const user = one.all.user("u1");
    await expect(user.close(1006)).rejects.toThrow(RangeError);
    await expect(user.close("4403" as never)).rejects.toThrow('close: the code "4403" is not allowed; give 1000 to 1003');
    await expect(user.close(4403, "x".repeat(124))).rejects.toThrow(RangeError);
    await expect(user.close(4403, "", { keepMs: -1 })).rejects.toThrow("close: keepMs: -1 is not allowed; give a whole number from 0 to 3600000");
    await expect(user.close(4403, "", { keep: 1 } as never)).rejects.toThrow('close: there is no option "keep"; there are keepMs');
    expect([ann.connection.isOpen, amy.connection.isOpen, one.errors, two.errors]).toEqual([true, true, [], []]);
  });
});

describe("questions of other nodes", () => {
  const junk: readonly unknown[] = [
    null,
    5,
    "size",
    [],
    {},
    { ask: "size" },
    { ask: "size", of: 5 },
    { ask: "size", of: "x" },
    { ask: "list", of: "h" },
    { ask: "list", of: "h", limit: -1 },
    { ask: "close", of: "h" },
    { ask: "close", of: "h", code: 1006, reason: "" },
    { ask: "close", of: "h", code: 4000, reason: "x".repeat(200) },
    { ask: "close", of: "hx", code: 4000, reason: "" },
    { ask: "send", id: "x" },
    { ask: "send", id: "x", data: 5 },
    { ask: "send", id: "x", data: { text: 5 } },
    { ask: "send", id: "x", data: { text: "x" }, key: 5 },
    { ask: "end", id: "x", code: "4000", reason: "" },
    { ask: "of a newer version", of: "h" },
    { __proto__: { ask: "size" } },
  ];

  it("do no harm when they are junk", async () => {
    const cluster = new HubCluster();
    const one = await cluster.hubNode();
    const ann = await one.client({ rooms: ["tea"] });
    const stranger = await cluster.node();
    for (const question of junk) {
      const { answers } = await stranger.casts.ask(one.name, question);
      expect([question, answers.get(one.name) ?? 0]).toEqual([question, 0]);
    }
    expect([ann.connection.isOpen, one.errors]).toEqual([true, []]);
  });

  it("that are answered with junk name the node as missing", async () => {
    const answers = [null, -1, "many", {}, { size: 1 }, { size: -1, connections: [] }, { size: 1, connections: [5] }, { size: 1, connections: [{ id: "x" }] }];
    const cluster = new HubCluster();
    const one = await cluster.hubNode();
    let answer: unknown;
    const stranger = await cluster.node({ answer: () => answer });
    for (answer of answers) {
      expect(await one.all.room("tea").size()).toEqual({ size: 0, missing: [stranger.name] });
      expect(await one.all.room("tea").list()).toEqual({ size: 0, connections: [], missing: [stranger.name] });
      expect(await one.all.user("tea").close()).toMatchObject({ reached: 0, missing: [stranger.name] });
      expect((await one.all.get("x")).connection).toBeUndefined();
    }
    answer = { id: "another", rooms: [], remoteAddress: "" };
    expect((await one.all.get("x")).connection).toBeUndefined();
    expect(one.errors).toEqual([]);
  });

  it("that the broker refuses for a while are no unhandled rejection", async () => {
    const cluster = new HubCluster();
    const one = await cluster.hubNode({}, (broker) =>
      changed(broker, { tell: () => Promise.reject(new Error("refused")), publish: () => Promise.reject(new Error("refused")) }),
    );
    const two = await cluster.hubNode();
    await two.client({ user: "u1" });
    const missing = [two.name];
    const [reach] = await cluster.after(one.all.broadcast("x"));
    expect([reach, await one.all.size(), await one.all.user("u1").close()]).toEqual([
      { reached: 0, missing, delivery: "local-only" },
      { size: 0, missing },
      { reached: 0, missing, delivery: "local-only" },
    ]);
    // It cannot answer either.
    const [size] = await cluster.after(two.all.size());
    expect(size).toEqual({ size: 1, missing: [one.name] });
  });
});
