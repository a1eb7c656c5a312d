import { describe, expect, it } from "vitest";
import { changed, TestCluster, turns } from "./cluster.ts";

describe("a question", () => {
  it("is answered by all other nodes, or by the one that is asked", async () => {
    const cluster = new TestCluster();
    const [one, two, three] = await cluster.nodes(3);
    const answers = new Map([two, three].map(({ name }) => [name, { from: name }]));
    expect(await cluster.after(one.casts.ask(undefined, { size: ["tea"] }))).toEqual([{ answers, missing: [], delivery: "cluster" }, 0]);
    expect([one.asked, two.asked, three.asked]).toEqual([[], [{ size: ["tea"] }], [{ size: ["tea"] }]]);
    expect(await one.casts.ask(three.name, null)).toMatchObject({ answers: new Map([[three.name, { from: three.name }]]), missing: [] });
    expect([two.asked.length, three.asked.at(-1)]).toEqual([1, null]);
  });

  it("names who is frozen, gone, unknown or has no answer, and ends within its time", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    const fault = new Error("a fault");
    const wrong: readonly (() => unknown)[] = [
      () => undefined,
      () => {
        throw fault;
      },
      () => Promise.reject(fault),
      () => "x".repeat(1_100_000),
      () => new Promise(() => {}),
    ];
    const nodes = await Promise.all(wrong.map((answer) => cluster.node({ answer })));
    const [frozen, killed] = await cluster.nodes(2);
    frozen.broker.freeze();
    killed.broker.freeze();
    const asked = one.casts.ask(undefined, "who?", { timeoutMs: 600 });
    await turns();
    cluster.network.kill(killed.name);
    const [{ answers, missing }, ms] = await cluster.after(asked);
    expect([answers.size, missing.toSorted(), ms]).toEqual([0, [...nodes, frozen, killed].map(({ name }) => name).toSorted(), 600]);
    expect(nodes.map(({ errors }) => errors)).toEqual([[], [fault], [fault], [expect.any(RangeError)], []]);
    expect(await one.casts.ask("node-that-never-was", "who?")).toEqual({ answers: new Map(), missing: ["node-that-never-was"], delivery: "cluster" });
  });

  it("waits no longer for a node that is gone", async () => {
    const cluster = new TestCluster();
    const [one, two, three] = await cluster.nodes(3);
    three.broker.freeze();
    const asked = one.casts.ask(undefined, "who?");
    await turns();
    await three.broker.close();
    const [{ answers, missing }, ms] = await cluster.after(asked);
    expect([[...answers.keys()], missing, ms]).toEqual([[two.name], [three.name], 0]);
  });

  it("ends with the answer that is wanted", async () => {
    const cluster = new TestCluster();
    const [one, two, three] = await cluster.nodes(3);
    three.broker.freeze();
    const [{ answers, missing }, ms] = await cluster.after(one.casts.ask(undefined, "who?", { until: () => true }));
    expect([[...answers.keys()], missing, ms]).toEqual([[two.name], [], 0]);
    const fault = new Error("a fault");
    const until = (): never => {
      throw fault;
    };
    expect((await cluster.after(one.casts.ask(undefined, "who?", { until })))[0].missing).toEqual([three.name]);
    expect(one.errors).toEqual([fault]);
  });

  it("is kept for a node that is cut off, and for the time in which this one is", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    cluster.network.cut(two.name);
    const [{ missing, delivery }] = await cluster.after(one.casts.ask(undefined, "revoke 1", { keepMs: 60_000 }));
    expect([missing, delivery, two.asked]).toEqual([[two.name], "cluster", []]);
    await cluster.after(one.casts.ask(undefined, "forget 1"));
    cluster.network.mend(two.name);
    await turns();
    expect(two.asked.splice(0)).toEqual(["revoke 1"]);
    // The asker is cut off: it tells as soon as it is back.
    cluster.network.cut(one.name);
    expect(await one.casts.ask(undefined, "revoke 2", { keepMs: 60_000 })).toEqual({ answers: new Map(), missing: [two.name], delivery: "local-only" });
    expect(await one.casts.ask(undefined, "forget 2")).toMatchObject({ missing: [two.name], delivery: "local-only" });
    expect(await one.casts.ask(undefined, "too late", { keepMs: 1000 })).toMatchObject({ delivery: "local-only" });
    cluster.clock.advance(5000);
    await turns();
    cluster.network.mend(one.name);
    await turns();
    expect([two.asked, one.errors]).toEqual([["revoke 2"], []]);
  });

  it("is kept when the broker refuses it for a while and says nothing of its state", async () => {
    const cluster = new TestCluster();
    let isRefusing = true;
    const one = await cluster.node({}, (broker) =>
      changed(broker, { tell: async (...args) => (isRefusing ? Promise.reject(new Error("busy")) : broker.tell(...args)) }),
    );
    const two = await cluster.node();
    for (const question of ["revoke 1", "revoke 2"]) await one.casts.ask(undefined, question, { keepMs: 60_000 });
    cluster.clock.advance(1100);
    await turns();
    isRefusing = false;
    cluster.clock.advance(500);
    await turns();
    expect(two.asked).toEqual(["revoke 1", "revoke 2"]);
    expect(cluster.clock.pending).toBe(cluster.timers);
  });

  it("is refused when it cannot be told", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    await expect(one.casts.ask(undefined, undefined)).rejects.toThrow(new TypeError("ask: the question has no JSON form"));
    await expect(one.casts.ask(undefined, 5n)).rejects.toThrow(TypeError);
    await expect(one.casts.ask(undefined, "ä".repeat(500_000))).rejects.toThrow("ask: a question of 1000002 bytes is not allowed; give at most 1000000");
  });
});
