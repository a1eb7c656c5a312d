import { hostileBroker, type HostileBroker } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { TestCluster, turns, type TestNode } from "./cluster.ts";

const NODES = 4;
const CASTS = 60;

describe("casts on a broker that does its worst", () => {
  it.each([1, 2, 3])("tell the truth: whatever is not counted has a node that is missing (seed %i)", async (seed) => {
    const cluster = new TestCluster();
    const brokers: HostileBroker[] = [];
    const nodes: TestNode[] = [];
    for (let n = 0; n < NODES; n++) {
      const node = await cluster.node({}, (broker) => {
        const hostile = hostileBroker(broker, { clock: cluster.clock, seed: seed * 10 + n });
        brokers.push(hostile);
        return hostile;
      });
      nodes.push(node);
    }
    const [sender, ...others] = nodes as [TestNode, ...TestNode[]];
    // The last one has no members.
    const members = others.slice(0, -1);
    for (const { casts } of members) casts.join("tea");
    for (let at = 0; at < 5000; at += 50) {
      cluster.clock.advance(50);
      await turns();
    }
    let whole = 0;
    for (let number = 0; number < CASTS; number++) {
      const [reach, ms] = await cluster.after(sender.casts.cast("tea", `${number}`));
      expect(ms).toBeLessThanOrEqual(1000);
      const got = members.filter(({ heard }) => heard.includes(`tea ${number}`));
      expect(reach.reached).toBeLessThanOrEqual(got.length);
      // A node that got it is counted, or it is missing: its answer was lost, or came too late.
      if (reach.missing.length === 0 && reach.delivery === "cluster") {
        expect([number, reach.reached]).toEqual([number, members.length]);
        whole++;
      }
      expect(reach.reached + reach.missing.length).toBeGreaterThanOrEqual(reach.delivery === "cluster" ? members.length : 0);
    }
    expect(whole).toBeGreaterThan(CASTS / 4);
    for (const broker of brokers) broker.heal();
    for (let at = 0; at < 3000; at += 50) {
      cluster.clock.advance(50);
      await turns();
    }
    expect(await sender.casts.cast("tea", "healed")).toEqual({ reached: members.length, missing: [], delivery: "cluster" });
    expect(nodes.flatMap(({ errors }) => errors)).toEqual([]);
    await Promise.all(nodes.map(({ casts }) => casts.close()));
    expect(cluster.clock.pending).toBe(0);
  });
});
