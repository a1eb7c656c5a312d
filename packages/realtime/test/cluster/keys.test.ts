import { setImmediate as turn } from "node:timers/promises";
import type { Broker } from "@upwire/cluster/broker";
import { RealtimeError } from "@upwire/realtime";
import { expect, it } from "vitest";
import { Cluster, type Node } from "../helpers/cluster.ts";

const as = (user: string): Readonly<Record<string, string>> => ({ "x-user": user });

/** Runs of all nodes together, and what ends them. */
class Work {
  runs = 0;
  readonly ends: ((reply: unknown) => void)[] = [];
  readonly fails: ((error: Error) => void)[] = [];
  readonly requests = {
    at: () => ++this.runs,
    raw: () => (this.runs++, Buffer.from([0, 255, this.runs])),
    nothing: () => void this.runs++,
    slow: () => {
      this.runs++;
      return new Promise((resolve, reject) => {
        this.ends.push(resolve);
        this.fails.push(reject);
      });
    },
  };
}

/** A broker that tells other nodes something in a later turn. */
function late(broker: Broker): Broker {
  const tell: Broker["tell"] = async (...told) => {
    await turn();
    return broker.tell(...told);
  };
  return new Proxy(broker, {
    get(target, name) {
      const member: unknown = name === "tell" ? tell : Reflect.get(target, name);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}

function cluster(count: number): { readonly work: Work; readonly nodes: Cluster } {
  const work = new Work();
  return { work, nodes: new Cluster(count, { options: { requests: work.requests } }) };
}

it("a request with a key is run once, on whatever node it is repeated, and each user has its own keys", async () => {
  const { work, nodes } = cluster(3);
  const [a, b, c] = nodes.nodes as [Node, Node, Node];
  const [onA, onB, onC, bob] = [
    await a.route.client(as("ann")),
    await b.route.client(as("ann")),
    await c.route.client(as("ann")),
    await c.route.client(as("bob")),
  ];
  for (const type of ["at", "raw", "nothing"]) {
    const replies = [];
    for (const client of [onA, onB, onC, onB]) replies.push(...(await client.ask({ type, id: 1, key: "k" })));
    expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1);
    expect(replies).toHaveLength(4);
  }
  expect(work.runs).toBe(3);
  expect(await bob.ask({ type: "at", id: 1, key: "k" })).toEqual([{ re: 1, payload: 4 }]);
  expect(await bob.ask({ type: "at", id: 1 })).toEqual([{ re: 1, payload: 5 }]);
  await nodes.stop();
});

it("waits for the one that runs on another node, also when it takes long, and has its error", async () => {
  const { work, nodes } = cluster(2);
  const [a, b] = nodes.nodes as [Node, Node];
  const [onA, onB] = [await a.route.client(as("ann")), await b.route.client(as("ann"))];
  expect(await onA.ask({ type: "slow", id: 1, key: "k" })).toEqual([]);
  expect(await onB.ask({ type: "slow", id: 2, key: "k" })).toEqual([]);
  await nodes.pass(5000);
  work.ends[0]?.("done");
  expect([await onA.heard(), await onB.heard()]).toEqual([[{ re: 1, payload: "done" }], [{ re: 2, payload: "done" }]]);
  await onA.ask({ type: "slow", id: 3, key: "other" });
  await onB.ask({ type: "slow", id: 4, key: "other" });
  work.fails[1]?.(new RealtimeError("no_money", "there is none"));
  const error = { code: "no_money", message: "there is none", retryable: false };
  expect([await onA.heard(), await onB.heard()]).toEqual([[{ re: 3, error }], [{ re: 4, error }]]);
  expect(work.runs).toBe(2);
  // An error is not remembered.
  await onB.ask({ type: "slow", id: 5, key: "other" });
  expect(work.runs).toBe(3);
  work.ends[2]?.("paid");
  expect(await onB.heard()).toEqual([{ re: 5, payload: "paid" }]);
  await nodes.stop();
});

it("is run once by nodes that get it in the same moment, and ask each other", async () => {
  const work = new Work();
  const nodes = new Cluster(3, { options: { requests: work.requests }, wrap: (broker) => late(broker) });
  const clients = [];
  for (const { route } of nodes.nodes) clients.push(await route.client(as("ann")), await route.client(as("ann")));
  for (const client of clients) client.say({ type: "slow", id: 1, key: "k" });
  await nodes.pass(200);
  expect(work.runs).toBe(1);
  work.ends[0]?.("done");
  await nodes.pass(200);
  for (const client of clients) expect(await client.heard()).toEqual([{ re: 1, payload: "done" }]);
  await nodes.stop();
});

it("is run when the node that ran it is gone, or the broker is down", async () => {
  const { work, nodes } = cluster(2);
  const [a, b] = nodes.nodes as [Node, Node];
  const [onA, onB] = [await a.route.client(as("ann")), await b.route.client(as("ann"))];
  await onA.ask({ type: "slow", id: 1, key: "k" });
  await onB.ask({ type: "slow", id: 2, key: "k" });
  nodes.links.kill(a.name);
  await nodes.pass(6000);
  expect(work.runs).toBe(2);
  work.ends[1]?.("done");
  expect(await onB.heard()).toEqual([{ re: 2, payload: "done" }]);
  const other = cluster(2);
  const node = other.nodes.at(0);
  const client = await node.route.client(as("ann"));
  other.nodes.links.cut(node.name);
  client.say({ type: "at", id: 1, key: "k" });
  await other.nodes.pass(1000);
  expect(await client.heard()).toEqual([{ re: 1, payload: 1 }]);
});

it("that is cancelled while the others are asked is not run, and one that takes too long is answered once", async () => {
  const { work, nodes } = cluster(2);
  const [a, b] = nodes.nodes as [Node, Node];
  const [onA, onB] = [await a.route.client(as("ann")), await b.route.client(as("ann"))];
  onA.say({ type: "at", id: 1, key: "k" });
  onA.say({ type: "upwire.cancel", re: 1 });
  expect(await onA.heard()).toMatchObject([{ re: 1, error: { code: "cancelled" } }]);
  await nodes.pass(1000);
  expect(work.runs).toBe(0);
  onB.say({ type: "slow", id: 1, key: "slow" });
  await nodes.pass(31_000);
  expect(await onB.heard()).toMatchObject([{ re: 1, error: { code: "timeout" } }]);
  work.ends[0]?.("late");
  expect(await onA.ask({ type: "slow", id: 2, key: "slow" })).toEqual([{ re: 2, payload: "late" }]);
  expect(work.runs).toBe(1);
  await nodes.stop();
});

it("is told when another node gives up the one that never ends", async () => {
  const work = new Work();
  const nodes = new Cluster(2, { options: { requests: work.requests, limits: { retryWindowMs: 2000, requestTimeoutMs: 60_000 } } });
  const [a, b] = nodes.nodes as [Node, Node];
  const [onA, onB] = [await a.route.client(as("ann")), await b.route.client(as("ann"))];
  expect(await onA.ask({ type: "slow", id: 1, key: "k" })).toEqual([]);
  expect(await onB.ask({ type: "slow", id: 2, key: "k" })).toEqual([]);
  await nodes.pass(2500);
  expect(await onB.heard()).toMatchObject([{ re: 2, error: { code: "timeout" } }]);
  expect(work.runs).toBe(1);
  await nodes.stop();
});
