import { describe, expect, it } from "vitest";
import { hostileBroker, type HostileBroker } from "@upwire/testing";
import { Cluster, type Node } from "../helpers/cluster.ts";
import type { MemoryClient } from "../helpers/memory-clients.ts";

interface Frame {
  readonly re?: number;
  readonly type?: string;
  readonly offset?: number;
  readonly payload?: { readonly epoch?: string; readonly offset?: number; readonly after?: number; readonly resumed?: boolean };
}

async function subscribed(client: MemoryClient, topic: string, since?: object): Promise<Frame["payload"]> {
  const [reply] = (await client.ask({ type: "upwire.subscribe", id: 1, topic, since })) as Frame[];
  return reply?.payload;
}

const payloads = (frames: readonly unknown[]): unknown[] =>
  (frames as Frame[]).map(({ offset, payload }) => (offset === undefined ? payload : [offset, payload]));

describe("a topic", () => {
  it("has one history on all nodes: who publishes where makes no difference", async () => {
    const cluster = new Cluster(3);
    const [a, b, c] = cluster.nodes as [Node, Node, Node];
    const [onA, onB, plain] = [await a.route.client(), await b.route.client(), await c.route.plain()];
    await subscribed(onA, "room:tea");
    await subscribed(onB, "room:tea");
    await c.realtime.topic("room:{room}", { room: "tea" }).add(plain.connection);
    expect(await onA.ask({ type: "m", topic: "room:tea", id: 2, payload: 1 })).toEqual([
      { re: 2, payload: { offset: 1 } },
      { topic: "room:tea", offset: 1, type: "m", payload: 1 },
    ]);
    expect(await cluster.within(c.realtime.topic("room:{room}", { room: "tea" }).publish("m", 2))).toEqual({ offset: 2, delivery: "cluster" });
    await cluster.within(b.realtime.topic("room:{room}", { room: "tea" }).publish("m", 3));
    expect(payloads(await onA.heard())).toEqual([
      [2, 2],
      [3, 3],
    ]);
    expect(payloads(await onB.heard())).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(await plain.heard()).toEqual([1, 2, 3].map((payload) => ({ type: "m", payload })));
    await cluster.stop();
  });

  it("without history comes to the members on all nodes, once to those of the publisher's", async () => {
    const cluster = new Cluster(3);
    const clients = [];
    for (const { route } of cluster.nodes) clients.push(await route.client(), await route.client());
    for (const client of clients) await subscribed(client, "live:ticker");
    const [a] = cluster.nodes as [Node];
    expect(await cluster.within(a.realtime.topic("live:{what}", { what: "ticker" }).publish("m", 1))).toEqual({ offset: undefined, delivery: "cluster" });
    await clients[2]?.ask({ type: "m", topic: "live:ticker", payload: 2 });
    const [here, , there] = clients as [MemoryClient, MemoryClient, MemoryClient];
    expect(payloads(await here.heard())).toEqual([1, 2]);
    expect(await there.heard()).toEqual([]);
    for (const client of [clients[1], clients[3], clients[5]]) expect(payloads((await client?.heard()) ?? [])).toEqual([1, 2]);
    await cluster.stop();
  });

  it("is resumed on another node after the first has died, with what was missed", async () => {
    const cluster = new Cluster(3);
    const [a, b, c] = cluster.nodes as [Node, Node, Node];
    const onA = await a.route.client();
    const place = await subscribed(onA, "room:tea");
    for (const node of [a, b]) await cluster.within(node.realtime.topic("room:{room}", { room: "tea" }).publish("m", node.name));
    expect(payloads(await onA.heard())).toEqual([
      [1, a.name],
      [2, b.name],
    ]);
    cluster.links.kill(a.name);
    for (const n of [3, 4]) await cluster.within(b.realtime.topic("room:{room}", { room: "tea" }).publish("m", n));
    for (const node of [b, c]) {
      const client = await node.route.client();
      const [reply, ...missed] = (await client.ask({
        type: "upwire.subscribe",
        id: 1,
        topic: "room:tea",
        since: { epoch: place?.epoch, offset: 2 },
      })) as Frame[];
      expect(reply?.payload).toEqual({ epoch: place?.epoch, offset: 4, after: 2, resumed: true });
      expect(payloads(missed)).toEqual([
        [3, 3],
        [4, 4],
      ]);
    }
    await cluster.within(c.realtime.topic("room:{room}", { room: "tea" }).publish("m", 5));
  });

  it("publishes a key once, on whatever node it is repeated", async () => {
    const cluster = new Cluster(2);
    const [a, b] = cluster.nodes as [Node, Node];
    const said = { type: "m", topic: "room:tea", id: 1, key: "k", payload: 1 };
    const as = { "x-user": "ann" };
    const onA = await a.route.client(as);
    expect(await onA.ask(said)).toEqual([{ re: 1, payload: { offset: 1 } }]);
    cluster.links.kill(a.name);
    expect(await (await b.route.client(as)).ask(said)).toEqual([{ re: 1, payload: { offset: 1 } }]);
    expect(await (await b.route.client({ "x-user": "bob" })).ask(said)).toEqual([{ re: 1, payload: { offset: 2 } }]);
  });
});

describe("while the broker of a node is down", () => {
  it("a topic without history goes on here, says so, and tells a gap on the others and here when it is back", async () => {
    const cluster = new Cluster(2);
    const [a, b] = cluster.nodes as [Node, Node];
    const [onA, onB] = [await a.route.client(), await b.route.client()];
    for (const client of [onA, onB]) await subscribed(client, "live:ticker");
    const ticker = (node: Node) => node.realtime.topic("live:{what}", { what: "ticker" });
    cluster.links.cut(a.name);
    await cluster.settle();
    expect(await cluster.within(ticker(a).publish("m", "here"))).toEqual({ offset: undefined, delivery: "local-only" });
    expect(payloads(await onA.heard())).toEqual(["here"]);
    // One that comes now is served, too.
    const late = await a.route.client();
    expect(await subscribed(late, "live:ticker")).toEqual({ resumed: false });
    await cluster.within(ticker(a).publish("m", "both"));
    expect([payloads(await onA.heard()), payloads(await late.heard())]).toEqual([["both"], ["both"]]);
    await cluster.within(ticker(b).publish("m", "there"));
    expect(payloads(await onB.heard())).toEqual(["there"]);
    cluster.links.mend(a.name);
    await cluster.pass(5000);
    expect(await onA.heard()).toEqual([{ type: "upwire.gap", topic: "live:ticker", payload: { reason: "lost" } }]);
    expect(await onB.heard()).toEqual([]);
    expect(await cluster.within(ticker(b).publish("m", "again"))).toEqual({ offset: undefined, delivery: "cluster" });
    for (const client of [onA, onB, late]) expect(payloads(await client.heard())).toContain("again");
    await cluster.stop();
  });

  it("one that nobody here had subscribed is served here, and a gap told once it is subscribed", async () => {
    const cluster = new Cluster(2);
    const [a, b] = cluster.nodes as [Node, Node];
    cluster.links.cut(a.name);
    await cluster.settle();
    const onA = await a.route.client();
    expect(await subscribed(onA, "live:ticker")).toEqual({ resumed: false });
    await cluster.within(a.realtime.topic("live:{what}", { what: "ticker" }).publish("m", 1));
    expect(payloads(await onA.heard())).toEqual([1]);
    cluster.links.mend(a.name);
    await cluster.pass(2000);
    expect(await onA.heard()).toEqual([{ type: "upwire.gap", topic: "live:ticker", payload: { reason: "lost" } }]);
    await cluster.within(b.realtime.topic("live:{what}", { what: "ticker" }).publish("m", 2));
    expect(payloads(await onA.heard())).toEqual([2]);
    await cluster.stop();
  });

  it("a topic with history refuses publishes and new subscribers, who may try again, and loses nothing", async () => {
    const cluster = new Cluster(2);
    const [a, b] = cluster.nodes as [Node, Node];
    const onA = await a.route.client();
    await subscribed(onA, "room:tea");
    const tea = (node: Node) => node.realtime.topic("room:{room}", { room: "tea" });
    await cluster.within(tea(a).publish("m", 1));
    cluster.links.cut(a.name);
    await cluster.settle();
    await expect(cluster.within(tea(a).publish("m", "lost"), 6000)).rejects.toMatchObject({ code: "unavailable", retryable: true });
    const unavailable = { code: "unavailable", retryable: true };
    expect(await onA.ask({ type: "m", topic: "room:tea", id: 2, payload: "lost" })).toMatchObject([{ offset: 1 }, { re: 2, error: unavailable }]);
    expect(await onA.ask({ type: "upwire.subscribe", id: 3, topic: "room:coffee" })).toMatchObject([{ re: 3, error: unavailable }]);
    await cluster.within(tea(b).publish("m", 2));
    cluster.links.mend(a.name);
    await cluster.pass(2000);
    await cluster.within(tea(a).publish("m", 3));
    expect(payloads(await onA.heard())).toEqual([
      [2, 2],
      [3, 3],
    ]);
    await cluster.stop();
  });
});

describe("on hostile brokers", () => {
  it.each([1, 2, 3])("clients that move from node to node lose nothing and get nothing twice, seed %i", { timeout: 30_000 }, async (seed) => {
    const hostiles: HostileBroker[] = [];
    const cluster = new Cluster(3, {
      wrap: (broker, clock, index) => {
        const hostile = hostileBroker(broker, { clock, seed: seed * 10 + index });
        hostiles.push(hostile);
        return hostile;
      },
    });
    let state = seed;
    const below = (bound: number): number => (state = (state * 48_271) % 2_147_483_647) % bound;
    const acknowledged = new Set<number>();
    const walkers = Array.from({ length: 4 }, () => new Walker());
    const publishing: Promise<unknown>[] = [];
    for (let step = 0, next = 0; step < 250; step++) {
      const node = cluster.at(below(3));
      if (below(2) === 0) {
        const n = next++;
        const done = node.realtime.topic("room:{room}", { room: "tea" }).publish("m", n, { key: `k${n}` });
        publishing.push(
          done.then(
            ({ offset }) => acknowledged.add(offset as number),
            () => {},
          ),
        );
      }
      const walker = walkers[below(4)];
      if (walker === undefined) continue;
      if (below(8) === 0 || !walker.isConnected) await walker.moveTo(node);
      await walker.listen();
      if (below(3) === 0) await cluster.pass(below(400));
    }
    for (const hostile of hostiles) hostile.heal();
    for (const walker of walkers) if (!walker.isSubscribed) await walker.moveTo(cluster.at(below(3)));
    await cluster.pass(12_000);
    await Promise.all(publishing);
    for (const walker of walkers) if (!walker.isSubscribed) await walker.moveTo(cluster.at(0));
    await cluster.pass(3000);
    const { top } = await cluster.at(0).broker.history("topics/room:tea", 0, 1);
    for (const walker of walkers) {
      await walker.listen();
      expect([walker.faults, walker.offset]).toEqual([[], top]);
    }
    expect(acknowledged.size).toBeGreaterThan(60);
    expect(Math.max(...acknowledged)).toBeLessThanOrEqual(top);
    expect(walkers.reduce((sum, { resumes }) => sum + resumes, 0)).toBeGreaterThan(10);
    expect(hostiles.reduce((sum, { counts }) => sum + counts.lost + counts.late, 0)).toBeGreaterThan(50);
  });
});

/** A client that goes from node to node, and notes what must not be. */
class Walker {
  readonly faults: unknown[] = [];
  offset = 0;
  resumes = 0;
  isSubscribed = false;
  #epoch: string | undefined;
  #client: MemoryClient | undefined;

  get isConnected(): boolean {
    return this.#client !== undefined;
  }

  async moveTo({ route }: Node): Promise<void> {
    this.#client?.peer.destroy();
    this.isSubscribed = false;
    this.#client = await route.client();
    const since = this.#epoch === undefined ? {} : { since: { epoch: this.#epoch, offset: this.offset } };
    this.#client.say({ type: "upwire.subscribe", id: 1, topic: "room:tea", ...since });
  }

  async listen(): Promise<void> {
    const heard = (await this.#client?.heard()) ?? [];
    for (const frame of heard) this.#hear(frame as Frame & { readonly error?: object });
  }

  #hear(frame: Frame & { readonly error?: object }): void {
    const { re, type, offset, payload } = frame;
    if (re !== undefined && frame.error !== undefined) {
      // It may try again, and does so with its next move.
      this.#client?.peer.destroy();
      this.#client = undefined;
    } else if (re !== undefined) {
      this.isSubscribed = true;
      if (this.#epoch !== undefined && (payload?.resumed !== true || payload.after !== this.offset)) this.faults.push(frame);
      if (this.#epoch !== undefined) this.resumes++;
      this.#epoch = payload?.epoch;
      this.offset = payload?.after as number;
    } else if (type === "m" && offset === this.offset + 1) this.offset++;
    else if (type !== "m" || offset === undefined || offset > this.offset) this.faults.push(frame);
  }
}
