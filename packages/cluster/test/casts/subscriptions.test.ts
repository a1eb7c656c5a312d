import type { Broker } from "@upwire/cluster/broker";
import { describe, expect, it } from "vitest";
import { all, changed, TestCluster, turns, type TestNode } from "./cluster.ts";

/** A node that notes what its broker is asked, and refuses some of it. */
async function noting(
  cluster: TestCluster,
  refuse: (call: string) => "before" | "behind" | undefined = () => undefined,
): Promise<TestNode & { readonly calls: string[] }> {
  const calls: string[] = [];
  const run = async <Result>(call: string, act: () => Promise<Result>): Promise<Result> => {
    calls.push(call);
    const how = refuse(call);
    if (how === "before") throw new Error("refused");
    const result = await act();
    if (how === "behind") throw new Error("took effect, and failed");
    return result;
  };
  const wrap = (broker: Broker): Broker =>
    changed(broker, {
      subscribe: (topic, options) => run(`+${topic}`, () => broker.subscribe(topic, options)),
      unsubscribe: (topic) => run(`-${topic}`, () => broker.unsubscribe(topic)),
    });
  return Object.assign(await cluster.node({}, wrap), { calls });
}

describe("the subscriptions of casts", () => {
  it("begin with the first member, and end 2 s after the last", async () => {
    const cluster = new TestCluster();
    const one = await noting(cluster);
    const other = await cluster.node();
    one.casts.join("tea");
    one.casts.join("tea");
    one.casts.join("cake");
    await turns();
    one.casts.leave("tea");
    one.casts.leave("tea");
    one.casts.leave("nowhere");
    cluster.clock.advance(1000);
    one.casts.leave("cake");
    cluster.clock.advance(999);
    // It is still there, and back before the end.
    expect(await other.casts.cast("tea", "hello")).toEqual(all(1));
    one.casts.join("tea");
    one.casts.leave("tea");
    cluster.clock.advance(1001);
    await turns();
    expect(one.calls).toEqual(["+tea", "+cake", "-cake"]);
    cluster.clock.advance(999);
    await turns();
    expect(one.calls).toEqual(["+tea", "+cake", "-cake", "-tea"]);
    expect([one.casts.stats.addresses, cluster.clock.pending]).toEqual([0, cluster.timers]);
    expect(await other.casts.cast("tea", "hello")).toEqual(all(0));
    one.casts.join("tea");
    await turns();
    expect(await other.casts.cast("tea", "hello")).toEqual(all(1));
  });

  it("are what is wanted in the end, whatever the broker refuses", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const cluster = new TestCluster();
      let calls = seed;
      const one = await noting(cluster, () => (["before", undefined, "behind"] as const)[((calls++ * 7 + seed) % 5) as 0 | 1 | 2]);
      const other = await cluster.node();
      const wanted = new Set<string>();
      for (let step = 0; step < 60; step++) {
        const address = `a${(step * 5 + seed) % 7}`;
        if ((step + seed) % 3 === 0) {
          wanted.delete(address);
          one.casts.leave(address);
        } else {
          wanted.add(address);
          one.casts.join(address);
        }
        await turns(step % 3);
        cluster.clock.advance((step * 331) % 1500);
      }
      for (let second = 0; second < 10; second++) {
        cluster.clock.advance(1000);
        await turns();
      }
      for (let n = 0; n < 7; n++) expect([seed, n, (await other.casts.cast(`a${n}`, "hello")).reached]).toEqual([seed, n, wanted.has(`a${n}`) ? 1 : 0]);
      // Pending casts are looked at once more.
      cluster.clock.advance(100);
      expect([one.casts.stats.addresses, cluster.clock.pending]).toEqual([wanted.size, cluster.timers]);
      expect(one.errors).toEqual([]);
    }
  });
});
