import { describe, expect, it } from "vitest";
import { all, changed, TestCluster, turns } from "./cluster.ts";

describe("casts are bounded:", () => {
  it("10,000 questions wait for answers, and one over it names all nodes as missing", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    two.broker.freeze();
    const asked = Array.from({ length: 10_001 }, (_, n) => one.casts.ask(undefined, n));
    expect(await asked.at(-1)).toEqual({ answers: new Map(), missing: [two.name], delivery: "local-only" });
    expect(one.casts.stats).toMatchObject({ asking: 10_000, refused: 1 });
    two.broker.thaw();
    await turns();
    expect((await Promise.all(asked.slice(0, -1))).filter(({ answers }) => answers.has(two.name))).toHaveLength(10_000);
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
});
