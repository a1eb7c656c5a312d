import { createClusterHub } from "@upwire/cluster";
import { memoryBroker, shareBroker } from "@upwire/cluster/broker";
import { createHub, PreparedMessage, Upgrader } from "@upwire/core";
import { openInMemory } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { all, changed, turns } from "../casts/cluster.ts";
import { HubCluster } from "./hub-nodes.ts";

describe("a broadcast of a cluster hub", () => {
  it("reaches the members of all nodes, here at once, and no others", async () => {
    const cluster = new HubCluster();
    const [one, two, three] = await cluster.hubNodes(3);
    const ann = await one.client({ rooms: ["tea"], user: "u1" });
    const bob = await two.client({ rooms: ["tea", "cake"] });
    const cat = await three.client({ rooms: ["cake"], user: "u1" });
    const reach = one.all.room("tea").broadcast("to tea");
    expect(await ann.heard()).toEqual(["text to tea"]);
    expect([await reach, await three.all.user("u1").broadcast("to u1"), await two.all.broadcast("to all")]).toEqual([all(2), all(2), all(3)]);
    expect(await ann.heard()).toEqual(["text to tea", "text to u1", "text to all"]);
    expect(await bob.heard()).toEqual(["text to tea", "text to all"]);
    expect(await cat.heard()).toEqual(["text to u1", "text to all"]);
    expect(await one.all.room("nowhere").broadcast("x")).toEqual(all(0));
  });

  it("sends text, bytes and prepared messages as what they are, and bytes as they were at the call", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const clients = [await one.client(), await two.client()];
    const bytes = new Uint8Array([1, 2, 255]);
    const sent = [
      one.all.broadcast("täxt"),
      one.all.broadcast(bytes),
      one.all.broadcast(bytes.buffer),
      one.all.broadcast(new DataView(bytes.buffer, 1)),
      one.all.broadcast(new PreparedMessage("prepared")),
      one.all.broadcast(new PreparedMessage(bytes)),
    ];
    bytes.fill(9);
    expect(await Promise.all(sent)).toEqual(Array(6).fill(all(2)));
    for (const client of clients) {
      expect(await client.heard()).toEqual(["text täxt", "binary 0102ff", "binary 0102ff", "binary 02ff", "text prepared", "binary 0102ff"]);
    }
  });

  it("passes on a message of a client", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const bob = await two.client();
    const { peer } = await openInMemory(new Upgrader(), { message: (_connection, message) => void one.all.broadcast(message) });
    peer.text("hello");
    peer.binary(new Uint8Array([7]));
    await turns();
    expect(await bob.heard()).toEqual(["text hello", "binary 07"]);
  });

  it("leaves out a connection of this node, and takes key, mustArrive and missed", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const [ann, amy, bob] = [await one.client(), await one.client(), await two.client()];
    expect(await one.all.broadcast("not to ann", { except: ann.connection, key: "k", mustArrive: true })).toEqual(all(2));
    expect([await ann.heard(), await amy.heard(), await bob.heard()]).toEqual([[], ["text not to ann"], ["text not to ann"]]);
    const missed: unknown[] = [];
    amy.connection.close();
    expect(await one.all.broadcast("x", { missed: (connection) => missed.push(connection) })).toEqual(all(2));
    expect(missed).toEqual([amy.connection]);
  });

  it("rejects what cannot be sent, and then no member gets it", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const clients = [await one.client(), await two.client()];
    const wrong: readonly (readonly [unknown, unknown, string])[] = [
      [5, undefined, "A message is a string"],
      [{}, undefined, "A message is a string"],
      [() => "x", undefined, "broadcast: a function cannot be asked on other nodes; give text or bytes"],
      ["x", { filter: () => true }, 'broadcast: there is no option "filter"'],
      ["x", { excpt: 1 }, 'write "except"'],
      ["x", { key: 5 }, "broadcast: key: 5 is not allowed; give a string"],
      ["x", { except: 5 }, "except: a number is no connection"],
    ];
    for (const [data, options, message] of wrong) await expect(one.all.room("tea").broadcast(data as never, options as never)).rejects.toThrow(message);
    for (const [data, options, message] of wrong) await expect(one.all.broadcast(data as never, options as never)).rejects.toThrow(message);
    for (const client of clients) expect(await client.heard()).toEqual([]);
    expect(one.errors).toEqual([]);
  });

  it("works from a process without clients", async () => {
    const cluster = new HubCluster();
    const one = await cluster.hubNode();
    const ann = await one.client({ rooms: ["tea"] });
    const publisher = createClusterHub(createHub(), cluster.network.broker());
    expect(await publisher.room("tea").broadcast("hello")).toEqual(all(1));
    expect(await ann.heard()).toEqual(["text hello"]);
    await publisher.stop();
  });
});

describe("a cluster hub", () => {
  it("counts and lists the connections of all nodes", async () => {
    const cluster = new HubCluster();
    const [one, two, three] = await cluster.hubNodes(3);
    const ann = await one.client({ rooms: ["tea", "cake"], user: "u1" });
    const bob = await two.client({ rooms: ["tea"] });
    await three.client();
    expect([await one.all.size(), await three.all.room("tea").size(), await two.all.user("u1").size()]).toEqual([
      { size: 3, missing: [] },
      { size: 2, missing: [] },
      { size: 1, missing: [] },
    ]);
    const members = [
      { id: ann.connection.id, node: one.name, userId: "u1", rooms: ["tea", "cake"], remoteAddress: "192.0.2.1:1" },
      { id: bob.connection.id, node: two.name, userId: undefined, rooms: ["tea"], remoteAddress: "192.0.2.1:1" },
    ];
    expect(await one.all.room("tea").list()).toEqual({ size: 2, connections: members, missing: [] });
    expect(await one.all.room("tea").list({ limit: 1 })).toEqual({ size: 2, connections: members.slice(0, 1), missing: [] });
    expect(await three.all.list({ limit: 0 })).toEqual({ size: 3, connections: [], missing: [] });
    for (const limit of [-1, 1.5, 10_001, "5"]) await expect(one.all.list({ limit } as never)).rejects.toThrow("list: limit: ");
    await expect(one.all.list({ max: 5 } as never)).rejects.toThrow('list: there is no option "max"');
  });

  it("answers a list within 1 s though one node of three is frozen, and names it", async () => {
    const cluster = new HubCluster();
    const [one, two, three] = await cluster.hubNodes(3);
    for (const node of [one, two, three]) await node.client({ rooms: ["tea"] });
    three.broker.freeze();
    const [list, ms] = await cluster.after(one.all.room("tea").list());
    expect([list.size, list.connections.length, list.missing, ms <= 1000]).toEqual([2, 2, [three.name], true]);
    const [size] = await cluster.after(one.all.size());
    const [reach] = await cluster.after(one.all.broadcast("hello"));
    expect([size, reach]).toEqual([
      { size: 2, missing: [three.name] },
      { reached: 2, missing: [three.name], delivery: "cluster" },
    ]);
  });

  it("lists of each node as much as it can tell", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const rooms = Array.from({ length: 100 }, (_, n) => `${n}`.padEnd(250, "ä"));
    for (let n = 0; n < 20; n++) await two.client({ rooms });
    const { size, connections, missing } = await one.all.list();
    expect([size, missing]).toEqual([20, []]);
    expect(connections.length).toBeGreaterThan(5);
    expect(connections.length).toBeLessThan(20);
  });

  it.each(["the name of its node", "other words"])("finds a connection whose id begins with %s", async (prefix) => {
    const cluster = new HubCluster();
    const one = await cluster.hubNode();
    const two = await cluster.hubNode({}, undefined, prefix === "other words" ? "web-" : undefined);
    const three = await cluster.hubNode();
    const ann = await two.client({ rooms: ["tea"], user: "u1" });
    const tells = one.broker.stats.tells;
    const { connection, missing } = await one.all.get(ann.connection.id);
    expect([connection, missing]).toMatchObject([{ id: ann.connection.id, node: two.name, userId: "u1", rooms: ["tea"], remoteAddress: "192.0.2.1:1" }, []]);
    expect(one.broker.stats.tells - tells).toBe(1);
    expect([await connection?.send("hello"), await connection?.send(new Uint8Array([1, 2]), { key: "k", mustArrive: true })]).toEqual([all(1), all(1)]);
    expect([await connection?.close(4001, "bye"), await connection?.close()]).toEqual([all(1), all(0)]);
    expect(await ann.heard()).toEqual(["text hello", "binary 0102", "close 4001 bye"]);
    ann.peer.destroy();
    await turns();
    expect([await connection?.send("gone"), await one.all.get(ann.connection.id)]).toEqual([all(0), { connection: undefined, missing: [] }]);
    three.broker.freeze();
    const [found] = await cluster.after(one.all.get("of nobody"));
    expect(found).toEqual({ connection: undefined, missing: [three.name] });
  });

  it("finds a connection though another node answers with something else, and names that", async () => {
    const cluster = new HubCluster();
    const one = await cluster.hubNode();
    const wrong = [5, "x", {}, { id: "another", rooms: [], remoteAddress: "" }];
    const liars = await Promise.all(wrong.map((answer) => cluster.node({ answer: () => answer })));
    const slow = await cluster.hubNode({}, undefined, "web-");
    const ann = await slow.client();
    expect(await one.all.get(ann.connection.id)).toMatchObject({ connection: { id: ann.connection.id, node: slow.name }, missing: [] });
    expect(await one.all.get("of nobody")).toEqual({ connection: undefined, missing: liars.map(({ name }) => name) });
  });

  it("finds a connection of its own without asking, also while the broker is down", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const ann = await one.client();
    const bob = await two.client();
    cluster.network.cut(one.name);
    const { connection } = await one.all.get(ann.connection.id);
    expect([await connection?.send("hello"), await connection?.close()]).toEqual([all(1), all(1)]);
    expect(await ann.heard()).toEqual(["text hello", "close 1000"]);
    expect(await one.all.get(`${one.name}of nobody`)).toEqual({ connection: undefined, missing: [] });
    expect(await one.all.get(bob.connection.id)).toEqual({ connection: undefined, missing: [two.name] });
    await expect(one.all.get(5 as never)).rejects.toThrow("get: 5 is no id; give that of a connection, a string");
  });

  it("refuses what cannot be sent to a connection, or close it", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    for (const { connection: of } of [await one.client(), await two.client()]) {
      const { connection } = await one.all.get(of.id);
      await expect(connection?.send({} as never)).rejects.toThrow("A message is a string");
      await expect(connection?.send("x", { missed: () => {} } as never)).rejects.toThrow('send: there is no option "missed"');
      await expect(connection?.close(1005)).rejects.toThrow("close: the code 1005 is not allowed; give 1000 to 1003, 1007 to 1014, or 3000 to 4999");
      await expect(connection?.close(1000, 5 as never)).rejects.toThrow("close: the reason 5 is not allowed; give a string");
      await expect(connection?.close(1000, "ä".repeat(62))).rejects.toThrow("close: a reason of 124 bytes is not allowed; give at most 123");
      expect(of.isOpen).toBe(true);
    }
    const { connection } = await one.all.get((await two.client()).connection.id);
    await expect(connection?.send(new Uint8Array(800_000))).rejects.toThrow(RangeError);
  });

  it("tells of gaps and of the state of the broker", async () => {
    const cluster = new HubCluster();
    const told: unknown[] = [];
    const one = await cluster.hubNode({ onGap: (...args) => told.push(args), onState: (state) => told.push(state) });
    const two = await cluster.hubNode();
    const ann = await one.client({ rooms: ["tea"], user: "u1" });
    cluster.network.cut(one.name);
    await turns();
    expect([one.all.state(), one.all.others, two.all.state()]).toEqual(["down", [two.name], "up"]);
    expect(await one.all.room("tea").broadcast("alone")).toEqual({ reached: 1, missing: [two.name], delivery: "local-only" });
    expect(await ann.heard()).toEqual(["text alone"]);
    for (const part of [two.all, two.all.room("tea"), two.all.user("u1")]) await cluster.after(part.broadcast("unheard"));
    cluster.network.mend(one.name);
    await turns();
    expect(told).toEqual(["down", "up", ["hub", ""], ["room", "tea"], ["user", "u1"]]);
  });

  it("lets the hub go on alone once it has stopped, and leaves nothing", async () => {
    const cluster = new HubCluster();
    const [one, two] = await cluster.hubNodes(2);
    const ann = await one.client({ rooms: ["tea"] });
    await Promise.all([one.all.stop(), one.all.stop()]);
    one.hub.room("cake").add(ann.connection);
    one.hub.broadcast("still here");
    expect(await ann.heard()).toEqual(["text still here"]);
    expect(await two.all.broadcast("x")).toEqual(all(0));
    expect(await one.all.broadcast("y")).toEqual({ reached: 1, missing: [two.name], delivery: "local-only" });
    expect(one.all.stats).toMatchObject({ pending: 0, asking: 0, addresses: 0 });
    await two.all.stop();
    expect(cluster.clock.pending).toBe(0);
  });

  it("tells onError and whoever waits when the broker does not start", async () => {
    const cluster = new HubCluster();
    const errors: unknown[] = [];
    const refusing = changed(cluster.network.broker(), { start: () => Promise.reject(new Error("a wrong password")) });
    const hub = createClusterHub(createHub(), refusing, { onError: (error) => errors.push(error) });
    await expect(hub.started).rejects.toThrow("a wrong password");
    expect((errors[0] as Error).message).toBe("a wrong password");
    expect(await hub.broadcast("x")).toEqual({ reached: 0, missing: [], delivery: "local-only" });
    expect(await hub.size()).toEqual({ size: 0, missing: [] });
    // Two users of one broker.
    const broker = memoryBroker();
    const first = createClusterHub(createHub(), broker, { onError: (error) => errors.push(error) });
    const second = createClusterHub(createHub(), broker, { onError: (error) => errors.push(error) });
    await expect(second.started).rejects.toThrow("shareBroker");
    await first.stop();
    const shared = shareBroker(memoryBroker());
    const parts = ["a", "b"].map((name) => createClusterHub(createHub(), shared.part(name)));
    expect(await Promise.all(parts.map(({ started }) => started))).toEqual([undefined, undefined]);
    await Promise.all(parts.map((part) => part.stop()));
  });

  it.each([
    [undefined, memoryBroker(), {}, "observeHub: undefined is no hub; give what createHub() returned"],
    [createHub(), undefined, {}, "createClusterHub: undefined is no broker; give a broker, such as meshBroker()"],
    [createHub(), { publish() {} }, {}, "createClusterHub: an object is no broker"],
    [createHub(), memoryBroker(), { timeout: 5 }, 'createClusterHub: there is no option "timeout"; write "timeoutMs"'],
    [createHub(), memoryBroker(), { timeoutMs: 5 }, "createClusterHub: timeoutMs: 5 is not allowed; give a whole number from 200"],
    [createHub(), memoryBroker(), { onGap: 5 }, "createClusterHub: onGap: 5 is not allowed; give a function"],
  ])("is not made of %s, %s, %j", (hub, broker, options, message) => {
    expect(() => createClusterHub(hub as never, broker as never, options as never)).toThrow(message);
  });

  it("refuses names that are no strings", async () => {
    const hub = createClusterHub(createHub(), memoryBroker());
    expect(() => hub.room(5 as never)).toThrow("hub.room: a number is no name; give a string");
    expect(() => hub.user(undefined as never)).toThrow("hub.user: undefined is no name; give a string");
    await hub.stop();
  });
});
