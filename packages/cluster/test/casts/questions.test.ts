import { describe, expect, it } from "vitest";
import { all, changed, TestCluster, turns } from "./cluster.ts";

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

  it("is not asked while 16 MiB of others wait for the broker", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node({}, (broker) => changed(broker, { tell: () => new Promise(() => {}) }));
    const two = await cluster.node();
    const asked = Array.from({ length: 20 }, () => one.casts.ask(two.name, "x".repeat(999_990)));
    expect(await asked.at(-1)).toEqual({ answers: new Map(), missing: [two.name], delivery: "local-only" });
    expect(one.casts.stats).toMatchObject({ asking: 16, refused: 4 });
    await one.casts.close();
    expect(await Promise.all(asked)).toHaveLength(20);
  });

  it("is for nodes with casts: one that only shares the broker is missing for two seconds, and then in no answer", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    const keeper = cluster.network.broker();
    const ignore = (): void => {};
    await keeper.start({ message: ignore, top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore });
    expect(await cluster.after(one.casts.ask(undefined, "who?"))).toMatchObject([{ missing: [keeper.node] }, 800]);
    cluster.clock.advance(2000);
    expect(await cluster.after(one.casts.ask(undefined, "who?"))).toMatchObject([{ missing: [] }, 0]);
    expect(one.casts.others).toEqual([two.name]);
    expect(await cluster.after(one.casts.ask(keeper.node, "who?"))).toMatchObject([{ missing: [keeper.node] }, 0]);
    // It gets casts after all, in its time.
    const late = await cluster.node();
    expect(one.casts.others).toEqual([two.name, late.name]);
  });

  it("goes to a node again that was silent for long", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    let isSilent = true;
    const two = await cluster.node({}, (broker) => changed(broker, { tell: async (...args) => (isSilent ? undefined : broker.tell(...args)) }));
    for (const ms of [250, 500, 1250]) cluster.clock.advance(ms);
    expect(one.casts.others).toEqual([]);
    isSilent = false;
    await two.casts.ask(one.name, "who?");
    expect(one.casts.others).toEqual([two.name]);
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

  it.each([
    ...[Number.NaN, Infinity, -Infinity, 0, -0, -1, 1.5, "5", 2 ** 31].map((timeoutMs) => ({ timeoutMs })),
    ...[Number.NaN, Infinity, -1, 1.5, "5", 3_600_001].map((keepMs) => ({ keepMs })),
    { until: true },
    { timeout: 5 },
  ])("is refused with options that cannot be meant: %o", async (options) => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    await expect(one.casts.ask(two.name, "?", options as object)).rejects.toThrow(TypeError);
    expect([two.asked, one.casts.stats.asking]).toEqual([[], 0]);
  });

  it("is refused when it cannot be told", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    await expect(one.casts.ask(undefined, undefined)).rejects.toThrow(new TypeError("ask: the question has no JSON form"));
    await expect(one.casts.ask(undefined, 5n)).rejects.toThrow(TypeError);
    await expect(one.casts.ask(undefined, "ä".repeat(500_000))).rejects.toThrow("ask: a question of 1000002 bytes is not allowed; give at most 1000000");
  });
});

describe("casts are bounded:", () => {
  it("10,000 questions wait for answers, and one over it names all nodes as missing", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    two.broker.freeze();
    const asked = Array.from({ length: 10_001 }, (_, n) => one.casts.ask(undefined, n));
    expect(await asked.at(-1)).toEqual({ answers: new Map(), missing: [two.name], delivery: "local-only" });
    expect(one.casts.stats).toMatchObject({ asking: 10_000, refused: 1 });
    await one.casts.close();
    expect((await Promise.all(asked)).filter(({ missing }) => missing[0] === two.name)).toHaveLength(10_001);
    expect(one.casts.stats.asking).toBe(0);
  });

  it("1,000 questions are answered at the same time, and one over it gets none", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    const waiting: ((answer: string) => void)[] = [];
    const two = await cluster.node({ answer: () => new Promise<string>((resolve) => void waiting.push(resolve)) });
    const asked = Array.from({ length: 1002 }, (_, n) => one.casts.ask(two.name, n));
    await turns();
    expect([await asked[1000], await asked[1001]]).toEqual([0, 1].map(() => ({ answers: new Map(), missing: [two.name], delivery: "cluster" })));
    expect([waiting.length, two.casts.stats.refused]).toEqual([1000, 2]);
    for (const resolve of waiting) resolve("well");
    expect((await Promise.all(asked.slice(0, 1000))).every(({ answers }) => answers.get(two.name) === "well")).toBe(true);
    const next = one.casts.ask(two.name, "next");
    await turns();
    waiting.at(-1)?.("well");
    expect((await next).missing).toEqual([]);
  });

  it("16 MiB of replies wait for a broker that takes none, and a question over it gets none", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    const two = await cluster.node({ answer: () => "x".repeat(900_000) }, (broker) => changed(broker, { tell: () => new Promise(() => {}) }));
    const [asked] = await cluster.after(Promise.all(Array.from({ length: 20 }, (_, n) => one.casts.ask(undefined, n))));
    expect([asked.filter(({ missing }) => missing[0] === two.name).length, two.casts.stats.refused]).toEqual([20, 2]);
  });

  it("256 messages wait for a broker that takes none, and the casts that they answer have a node that is missing", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    let isTaking = true;
    const waiting: (() => void)[] = [];
    const two = await cluster.node({}, (broker) =>
      changed(broker, { tell: (...args) => (isTaking ? broker.tell(...args) : new Promise<void>((resolve) => void waiting.push(resolve))) }),
    );
    await cluster.join("tea", two);
    isTaking = false;
    const casts: Promise<unknown>[] = [];
    for (let number = 0; number < 300; number++) {
      casts.push(one.casts.cast("tea", `${number}`));
      await turns(2);
    }
    expect([waiting.length, two.casts.stats.refused, two.heard.length]).toEqual([256, 44, 300]);
    const [reaches] = await cluster.after(Promise.all(casts));
    expect(reaches).toEqual(Array.from(casts, () => ({ reached: 0, missing: [two.name], delivery: "cluster" })));
    isTaking = true;
    for (const resolve of waiting) resolve();
    await turns();
    expect(await one.casts.cast("tea", "again")).toEqual(all(1));
  });

  it("1,000 questions are kept while the broker refuses them, and of more the oldest are forgotten", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    cluster.network.cut(one.name);
    await Promise.all(Array.from({ length: 1003 }, (_, n) => one.casts.ask(undefined, n, { keepMs: 60_000 })));
    cluster.network.mend(one.name);
    await turns();
    expect(two.asked).toEqual(Array.from({ length: 1000 }, (_, n) => n + 3));
  });

  it("16 MiB of questions are kept while the broker refuses them, and of more the oldest are forgotten", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    cluster.network.cut(one.name);
    const long = "x".repeat(900_000);
    for (let n = 0; n < 20; n++) await one.casts.ask(undefined, `${n} ${long}`, { keepMs: 60_000 });
    cluster.network.mend(one.name);
    await turns();
    expect(two.asked.map((question) => Number.parseInt(question as string, 10))).toEqual(Array.from({ length: 18 }, (_, n) => n + 2));
  });
});
