import { describe, expect, it } from "vitest";
import { all, TestCluster, turns } from "./cluster.ts";

describe("a cast", () => {
  it("reaches the nodes with members, and no others, and adds up how many queues took it", async () => {
    const cluster = new TestCluster();
    const [one, two, three, four] = [await cluster.node(), await cluster.node(), await cluster.node(), await cluster.node()];
    two.took = 2;
    three.took = 30;
    await cluster.join("tea", one, two, three);
    const [reach, ms] = await cluster.after(one.casts.cast("tea", "hello"));
    expect([reach, ms]).toEqual([all(32), 0]);
    expect([one.heard, two.heard, three.heard, four.heard]).toEqual([[], ["tea hello"], ["tea hello"], []]);
    expect(await four.casts.cast("tea", new Uint8Array([1, 2]))).toEqual(all(33));
    expect([one.heard, two.heard.at(-1)]).toEqual([["tea 0102"], "tea 0102"]);
    expect(await one.casts.cast("elsewhere", "hello")).toEqual(all(0));
  });

  it("names a frozen node of three within 1 s", async () => {
    const cluster = new TestCluster();
    const [one, two, three] = [await cluster.node(), await cluster.node(), await cluster.node()];
    await cluster.join("tea", one, two, three);
    three.broker.freeze();
    const [reach, ms] = await cluster.after(one.casts.cast("tea", "hello"));
    expect(reach).toEqual({ reached: 1, missing: [three.name], delivery: "cluster" });
    expect(ms).toBeLessThanOrEqual(950);
    // Its answer comes late, and goes nowhere.
    three.broker.thaw();
    await turns();
    expect(three.heard).toEqual(["tea hello"]);
    expect(one.casts.stats).toMatchObject({ pending: 0, incomplete: 1, malformed: 0 });
    expect(await one.casts.cast("tea", "again")).toEqual(all(2));
  });
});
