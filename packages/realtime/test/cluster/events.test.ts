import type { Broker, BrokerSink } from "@upwire/cluster/broker";
import type { Reach } from "@upwire/realtime";
import { describe, expect, it } from "vitest";
import { Cluster, type Node } from "../helpers/cluster.ts";

/** As one whose process stands still: what comes to it is not looked at. */
function freezable(broker: Broker, freezer: { readonly isFrozen: boolean }): Broker {
  const start = (sink: BrokerSink): Promise<void> | void =>
    broker.start({
      ...sink,
      message: (topic, publication) => void (freezer.isFrozen || sink.message(topic, publication)),
      told: (from, data) => void (freezer.isFrozen || sink.told(from, data)),
    });
  return new Proxy(broker, { get: (target, name) => (name === "start" ? start : bound(target, Reflect.get(target, name))) });
}

function bound(target: object, member: unknown): unknown {
  return typeof member === "function" ? (member.bind(target) as unknown) : member;
}

const all = (reached: number): Reach => ({ reached, missing: [], delivery: "cluster" });
const as = (user: string): Readonly<Record<string, string>> => ({ "x-user": user });

describe("an event of the server", () => {
  it("reaches the connections of a user on all nodes, plain ones and bytes too, and comes to no other node", async () => {
    const cluster = new Cluster(3);
    const [a, b, c] = cluster.nodes as [Node, Node, Node];
    const here = await a.route.client(as("ann"));
    const [there, plain] = [await b.route.client(as("ann")), await b.route.plain(as("ann"))];
    const other = await c.route.client(as("bob"));
    await cluster.settle();
    const received = c.broker.stats.received;
    expect(await cluster.within(a.realtime.user("ann").send("mail", { n: 1 }))).toEqual(all(3));
    expect(await cluster.within(c.realtime.user("ann").send("mail", { n: 2 }))).toEqual(all(3));
    expect(await cluster.within(b.realtime.user("ann").send("mail", Buffer.from("raw")))).toEqual(all(3));
    const mails = [1, 2].map((n) => ({ type: "mail", payload: { n } }));
    for (const client of [here, there]) expect(await client.heard()).toEqual([...mails, { type: "mail", bytes: "raw" }]);
    expect(await plain.heard()).toEqual([...mails, { bytes: "raw" }]);
    expect([await other.heard(), c.broker.stats.received]).toEqual([[], received]);
    expect(await cluster.within(a.realtime.user("carol").send("mail", 1))).toEqual(all(0));
    await cluster.stop();
  });

  it("has been queued here when the call returns, before any broker", async () => {
    const cluster = new Cluster(2);
    const [a, b] = cluster.nodes as [Node, Node];
    const [here, there] = [await a.route.client(as("ann")), await b.route.client(as("ann"))];
    await cluster.settle();
    const reach = a.realtime.user("ann").send("mail", 1);
    expect(await here.heard()).toEqual([{ type: "mail", payload: 1 }]);
    expect(await cluster.within(reach)).toEqual(all(2));
    expect(await there.heard()).toEqual([{ type: "mail", payload: 1 }]);
    await cluster.stop();
  });

  it("reaches everyone on all nodes, in the order of the calls", async () => {
    const cluster = new Cluster(3);
    const clients = [];
    for (const { route } of cluster.nodes) clients.push(await route.client(), await route.plain());
    await cluster.settle();
    const reaches = [1, 2, 3].map((n) => cluster.at(0).realtime.send("news", n));
    expect(await cluster.within(Promise.all(reaches))).toEqual([all(6), all(6), all(6)]);
    for (const client of clients) expect(await client.heard()).toEqual([1, 2, 3].map((payload) => ({ type: "news", payload })));
    await cluster.stop();
  });

  it("finds users by the ids that they have, however odd", async () => {
    const cluster = new Cluster(2, { options: { userId: (user) => user && Buffer.from(user.id, "hex").toString("utf16le") } });
    const [a, b] = cluster.nodes as [Node, Node];
    const ids = ["", " ", "u:1/*", "\0", "é漢", "\ud800", "\udc00", "x".repeat(300), "x".repeat(301), "all"];
    const clients = [];
    for (const id of ids) clients.push(await b.route.client(as(Buffer.from(id, "utf16le").toString("hex"))));
    await cluster.settle();
    for (const [index, id] of ids.entries()) {
      expect([id, await cluster.within(a.realtime.user(id).send("mail", index))]).toEqual([id, all(1)]);
      expect(await clients[index]?.heard()).toEqual([{ type: "mail", payload: index }]);
    }
    await cluster.stop();
  });

  it("follows a user whose connection leaves, comes back on another node, or becomes another user's", async () => {
    const cluster = new Cluster(2, {
      options: {
        requests: {
          become: ({ connection, payload }) => {
            connection.context = { id: String(payload) };
          },
          me: ({ user }) => user?.id,
        },
      },
    });
    const [a, b] = cluster.nodes as [Node, Node];
    const first = await b.route.client(as("ann"));
    await cluster.settle();
    expect((await cluster.within(a.realtime.user("ann").send("mail", 1))).reached).toBe(1);
    first.peer.destroy();
    await cluster.pass(10_000);
    expect(await cluster.within(a.realtime.user("ann").send("mail", 2))).toEqual(all(0));
    const again = await b.route.client(as("ann"));
    await again.ask({ type: "become", id: 1, payload: "bob" });
    await again.ask({ type: "me", id: 2 });
    await cluster.settle();
    expect(await cluster.within(a.realtime.user("ann").send("mail", 3))).toEqual(all(0));
    expect(await cluster.within(a.realtime.user("bob").send("mail", 4))).toEqual(all(1));
    expect(await again.heard()).toEqual([{ type: "mail", payload: 4 }]);
    await cluster.stop();
  });
});

describe("one connection, by its id", () => {
  it("is found on its node, which alone is asked, and is closed there", async () => {
    const cluster = new Cluster(3);
    const [a, b, c] = cluster.nodes as [Node, Node, Node];
    const client = await b.route.client();
    const { id } = client.connection;
    expect(id.startsWith(b.name)).toBe(true);
    const told = c.broker.stats.told;
    const one = a.realtime.connection(id);
    expect([one.connection, b.realtime.connection(id).connection]).toEqual([undefined, client.connection]);
    expect(await cluster.within(one.send("hi", { n: 1 }))).toEqual(all(1));
    expect(await cluster.within(one.send("hi", Buffer.from([0, 255, 128])))).toEqual(all(1));
    expect(await cluster.within(one.close(4401, "signed out"))).toEqual(all(1));
    expect(await client.heard()).toEqual([
      { type: "hi", payload: { n: 1 } },
      { type: "hi", bytes: Buffer.from([0, 255, 128]).toString() },
      "close 4401 signed out",
    ]);
    expect(await cluster.within(one.close())).toEqual(all(0));
    expect(c.broker.stats.told).toBe(told);
    expect(await cluster.within(b.realtime.connection(`${b.name}${"0".repeat(36)}`).send("hi", 1))).toEqual(all(0));
    await cluster.stop();
  });

  it("what is too large for another node goes nowhere, never rejects, and is reported", async () => {
    const cluster = new Cluster(2);
    const [a, b] = cluster.nodes as [Node, Node];
    const { id } = (await b.route.client()).connection;
    const long = "x".repeat(1_000_001);
    const nowhere = { reached: 0, missing: [], delivery: "local-only" };
    const { realtime } = a;
    const calls = [
      realtime.connection(id).send("hi", long),
      realtime.connection(id).send("hi", Buffer.alloc(800_000)),
      realtime.connection(long).send("hi", 1),
      realtime.connection(long).close(),
      realtime.user(long).close(),
    ];
    for (const call of calls) expect(await cluster.within(call)).toEqual(nowhere);
    expect(cluster.reported.map(String)).toEqual(calls.map(() => expect.stringContaining("RangeError: ask: a question of") as unknown));
    await cluster.stop();
  });

  it("and one user, have an id that is a string", async () => {
    const cluster = new Cluster(1);
    const { realtime } = cluster.at(0);
    for (const id of [undefined, null, 5, {}]) {
      expect(() => realtime.connection(id as never)).toThrow(/^connection: .+ is no id; give a string$/);
      expect(() => realtime.user(id as never)).toThrow(/^user: .+ is no id; give a string$/);
    }
    await cluster.stop();
  });

  it("is asked for everywhere with a prefix of one's own", async () => {
    const cluster = new Cluster(3, { options: { options: { connectionIdPrefix: "eu-1." } } });
    const [a, , c] = cluster.nodes as [Node, Node, Node];
    const client = await c.route.client();
    expect(client.connection.id.startsWith("eu-1.")).toBe(true);
    expect(await cluster.within(a.realtime.connection(client.connection.id).send("hi", 1))).toEqual(all(1));
    expect(await cluster.within(a.realtime.connection("nobody").send("hi", 1))).toEqual(all(0));
    expect(await client.heard()).toEqual([{ type: "hi", payload: 1 }]);
    await cluster.stop();
  });

  it("of a node that is gone is not known to be gone: that node is named", async () => {
    const cluster = new Cluster(3);
    const [a, b] = cluster.nodes as [Node, Node];
    const { id } = (await b.route.client()).connection;
    cluster.links.kill(b.name);
    expect(await cluster.within(a.realtime.connection(id).send("hi", 1))).toMatchObject({ reached: 0, missing: [b.name] });
    await cluster.pass(6000);
    expect(await cluster.within(a.realtime.connection(id).send("hi", 1))).toEqual({ reached: 0, missing: [b.name], delivery: "cluster" });
  });
});

describe("revoking a user", () => {
  it("ends all connections on all nodes, and says how many", async () => {
    const cluster = new Cluster(3);
    const clients = [];
    for (const { route } of cluster.nodes) clients.push(await route.client(as("ann")), await route.client(as("ann")));
    const bob = await cluster.at(1).route.client(as("bob"));
    await cluster.settle();
    expect(await cluster.within(cluster.at(2).realtime.user("ann").close(4401, "signed out"))).toEqual(all(6));
    for (const client of clients) expect(await client.heard()).toEqual(["close 4401 signed out"]);
    expect(await bob.heard()).toEqual([]);
    await cluster.stop();
  });

  it.each([
    ["that is back within keepMs, which is a minute by default", undefined, 50_000, ["close 4403"]],
    ["that is back later", undefined, 70_000, []],
    ["that is back at once, with keepMs 0", { keepMs: 0 }, 6000, []],
  ])("reaches a node that is cut off and names it; on one %s", async (_, options, cutMs, closes) => {
    const cluster = new Cluster(3);
    const [a, b, c] = cluster.nodes as [Node, Node, Node];
    const [onB, onC] = [await b.route.client(as("ann")), await c.route.client(as("ann"))];
    await cluster.settle();
    cluster.links.cut(c.name);
    await cluster.settle();
    expect(await cluster.within(a.realtime.user("ann").close(undefined, undefined, options))).toEqual({ reached: 1, missing: [c.name], delivery: "cluster" });
    expect(await onB.heard()).toEqual(["close 4403"]);
    cluster.clock.advance(cutMs - 1000);
    expect(await onC.heard()).toEqual([]);
    cluster.links.mend(c.name);
    await cluster.settle();
    expect(await onC.heard()).toEqual(closes);
  });
});

describe("a node that does not answer", () => {
  it("is named within a second, and what the others reached is counted", async () => {
    const freezer = { isFrozen: false };
    const cluster = new Cluster(3, { wrap: (broker, _clock, index) => (index === 2 ? freezable(broker, freezer) : broker) });
    const clients = [];
    for (const { route } of cluster.nodes) clients.push(await route.client(as("ann")));
    await cluster.settle();
    const [a, , c] = cluster.nodes as [Node, Node, Node];
    freezer.isFrozen = true;
    const sends = [
      () => a.realtime.send("news", 1),
      () => a.realtime.user("ann").send("news", 2),
      () => a.realtime.user("ann").close(4403, "out", { keepMs: 0 }),
    ];
    for (const send of sends) expect(await cluster.within(send())).toEqual({ reached: 2, missing: [c.name], delivery: "cluster" });
    const id = clients[2]?.connection.id ?? "";
    expect(await cluster.within(a.realtime.connection(id).send("news", 3))).toEqual({ reached: 0, missing: [c.name], delivery: "cluster" });
    // Once it is known to be gone, nothing is waited for.
    cluster.links.kill(c.name);
    await cluster.pass(6000);
    expect(await cluster.within(a.realtime.send("news", 3), 0)).toEqual(all(0));
  });

  it("is every other one while the broker of this node is down; the connections here are served all the same", async () => {
    const cluster = new Cluster(3);
    const clients = [];
    for (const { route } of cluster.nodes) clients.push(await route.client(as("ann")));
    await cluster.settle();
    const [a, b, c] = cluster.nodes as [Node, Node, Node];
    cluster.links.cut(a.name);
    await cluster.settle();
    const missing = expect.toSatisfy((names: string[]) => names.toSorted().join() === [b.name, c.name].toSorted().join()) as unknown as string[];
    expect(await cluster.within(a.realtime.send("news", 1))).toEqual({ reached: 1, missing, delivery: "local-only" });
    expect(await cluster.within(a.realtime.user("ann").close(4403, "out"))).toEqual({ reached: 1, missing, delivery: "local-only" });
    expect(await clients[0]?.heard()).toEqual([{ type: "news", payload: 1 }, "close 4403 out"]);
    cluster.links.mend(a.name);
    await cluster.pass(1000);
    // The revocation was kept, the event was not.
    expect(await clients[1]?.heard()).toEqual(["close 4403 out"]);
    await cluster.pass(1000);
    expect(await cluster.within(a.realtime.send("news", 2))).toMatchObject({ missing: [], delivery: "cluster" });
  });
});

it("leaves nothing when it stops", async () => {
  const cluster = new Cluster(2);
  const clients = [];
  for (const { route } of cluster.nodes) clients.push(await route.client(as("ann")));
  for (const client of clients) await client.ask({ type: "upwire.subscribe", id: 1, topic: "live:tea" });
  const unfinished = cluster.at(0).realtime.send("news", 1);
  await cluster.stop();
  expect(await cluster.within(unfinished)).toMatchObject({ reached: expect.any(Number) as number });
  expect(await cluster.within(cluster.at(0).realtime.user("ann").send("news", 1))).toMatchObject({ reached: 1, delivery: "local-only" });
  for (const client of clients) client.peer.destroy();
  await cluster.settle();
  expect([cluster.clock.pending, cluster.reported]).toEqual([0, []]);
});
