import type { Broker } from "@upwire/cluster/broker";
import { RealtimeError } from "@upwire/protocol";
import { hostileBroker, type HostileBroker } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../src/casts/byte-writer.ts";
import { ItemKind, oneItem, VERSION } from "../../src/casts/control.ts";
import { all, changed, TestCluster, type TestNode, turns } from "./cluster.ts";

describe("casts among nodes that fail", () => {
  it("name a frozen node of three within 1 s, and its late answer goes nowhere", async () => {
    const cluster = new TestCluster();
    const [one, two, three] = await cluster.nodes(3);
    await cluster.join("tea", one, two, three);
    three.broker.freeze();
    const [reach, ms] = await cluster.after(one.casts.cast("tea", "hello"));
    expect(reach).toEqual({ reached: 1, missing: [three.name], delivery: "cluster" });
    expect(ms).toBeLessThanOrEqual(950);
    three.broker.thaw();
    await turns();
    expect(three.heard).toEqual(["tea hello"]);
    expect(one.casts.stats).toMatchObject({ pending: 0, incomplete: 1, malformed: 0 });
    expect(await one.casts.cast("tea", "again")).toEqual(all(2));
  });

  it("ask for an answer that is lost, and get it", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    let lost = -Infinity;
    const two = await cluster.node({}, (broker) => changed(broker, { tell: async (...args) => (lost++ === 0 ? undefined : broker.tell(...args)) }));
    await cluster.join("tea", two);
    lost = 0;
    const [reaches, ms] = await cluster.after(Promise.all([one.casts.cast("tea", "1"), one.casts.cast("tea", "2")]));
    expect([reaches, ms]).toEqual([[all(1), all(1)], 300]);
    expect([lost, two.heard]).toEqual([2, ["tea 1", "tea 2"]]);
  });

  it("name a node to which the cast is lost on the way", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    const two = await cluster.node({}, (broker) => changed(broker, { start: (sink) => broker.start({ ...sink, message: () => {} }) }));
    await cluster.join("tea", two);
    const [reach] = await cluster.after(one.casts.cast("tea", "hello"));
    expect(reach).toEqual({ reached: 0, missing: [two.name], delivery: "cluster" });
  });

  it("name a node that dies before it has answered, and not one that has no members", async () => {
    const cluster = new TestCluster();
    const [one, two, three, four] = await cluster.nodes(4);
    await cluster.join("tea", two, three);
    three.broker.freeze();
    const cast = one.casts.cast("tea", "hello");
    cluster.network.kill(three.name);
    const [reach, ms] = await cluster.after(cast);
    expect([reach, ms <= 1000, four.heard]).toEqual([{ reached: 1, missing: [three.name], delivery: "cluster" }, true, []]);
    // One of which the broker hears that it is gone.
    await cluster.join("tea", four);
    four.broker.freeze();
    const other = one.casts.cast("tea", "hello");
    await four.broker.close();
    const [, otherMs] = await cluster.after(other);
    expect([await other, otherMs <= 1000]).toEqual([{ reached: 1, missing: expect.arrayContaining([four.name]) as unknown, delivery: "cluster" }, true]);
  });

  it("count each node once, and no answer to a cast that it cannot know", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    two.took = 3;
    await cluster.join("tea", two);
    const stranger = cluster.network.broker();
    const origins: string[] = [];
    await stranger.start({
      message: (_topic, { origin = "" }) => origins.push(origin),
      top: () => {},
      gap: () => {},
      state: () => {},
      told: () => {},
      nodes: () => {},
    });
    await stranger.subscribe("tea");
    const answer = (broker: Broker, number: number, count: number): Promise<void> =>
      broker.tell(
        one.name,
        oneItem(ItemKind["answers"], (content) => [number, count, 100].forEach((value) => content.number(value))),
      );
    // The one that it got it may answer; and twice counts once.
    const cast = one.casts.cast("tea", "hello");
    const number = Number(origins[0]?.split(":")[1]);
    await answer(two.broker, number, 1);
    // The first number is random, and a run has a million at most.
    const earlier = Math.min(number, 1_000_000);
    await answer(stranger, number - earlier, earlier);
    await answer(stranger, number + 1, 1_000_000);
    await answer(stranger, number, 1);
    await answer(stranger, number, 1);
    expect(await cast).toEqual({ reached: 200, missing: [], delivery: "cluster" });
    await answer(two.broker, number, 1);
    await stranger.unsubscribe("tea");
    expect(await one.casts.cast("tea", "again")).toEqual(all(3));
    expect(one.casts.stats.malformed).toBe(0);
  });

  it("count what they cannot read, and skip what a newer version adds", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    await cluster.join("tea", two);
    const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
    const junk = [
      bytes(),
      bytes(VERSION + 1, 1, 0),
      bytes(VERSION, 1),
      bytes(VERSION, 1, 200),
      bytes(VERSION, 1, 5, 1, 1, 1),
      bytes(VERSION, 1, 2, 1, 1),
      bytes(VERSION, 4, 3, 1, 1, 255),
      bytes(VERSION, 4, 4, 1, 2, 123, 123),
      bytes(VERSION, 1, 12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1),
      oneItem(ItemKind["answers"], (content) => [1, 2_000_000, 1].forEach((value) => content.number(value))),
      oneItem(ItemKind["checks"], (content) => {
        content.text("tea");
        content.number(2 ** 40);
      }),
      // Counting up to its end would never end: from 2 ** 53 on, numbers do not grow by one.
      oneItem(ItemKind["checks"], (content) => {
        content.text("tea");
        for (const value of [1, Number.MAX_SAFE_INTEGER, 1_000_000]) content.number(value);
      }),
      Uint8Array.from({ length: 5000 }, (_, at) => (at * 7919) % 256),
    ];
    for (const data of junk) await two.broker.tell(one.name, data);
    await turns();
    expect([one.casts.stats.malformed, one.errors]).toEqual([junk.length, []]);
    // An item of kind 99, followed by one that is known.
    const cast = one.casts.cast("tea", "hello");
    const newer = new ByteWriter();
    for (const value of [VERSION, 99, 2, 1, 1, ItemKind["question"], 3, 7, 1]) newer.number(value);
    newer.bytes(new TextEncoder().encode("5"));
    await two.broker.tell(one.name, newer.take());
    await turns();
    expect([await cast, one.casts.stats.malformed, one.asked]).toEqual([all(1), junk.length, [5]]);
    // On the channel of the address: what is no cast of ours.
    const odd = [undefined, "", "nobody", ":5", `${two.name}:`, `${two.name}:x`, `${two.name}:5:x`, `${two.name}:${"9".repeat(16)}`];
    await cluster.join("tea", one);
    for (const origin of odd) await two.broker.publish("tea", "foreign", origin === undefined ? {} : { origin });
    await two.broker.publish("tea", "foreign", { origin: `${two.name}:5:o` });
    await two.broker.publish("tea", bytes(4, 200), { origin: `${two.name}:6:o` });
    expect([one.heard, one.casts.stats.malformed - junk.length]).toEqual([[], odd.length + 2]);
  });

  it("are delivered here only while the broker is down, and name the others that were known; later all goes on", async () => {
    const cluster = new TestCluster();
    const [one, two, three] = await cluster.nodes(3);
    await cluster.join("tea", one, two);
    cluster.network.cut(one.name);
    await cluster.join("cake", one);
    const down = { reached: 0, missing: [two.name, three.name], delivery: "local-only" };
    expect(await one.casts.cast("tea", "hello")).toEqual(down);
    cluster.clock.advance(6000);
    await turns();
    expect([await one.casts.cast("tea", "hello"), one.casts.others]).toEqual([down, [two.name, three.name]]);
    // For the others it is gone: none waits for it.
    expect(await two.casts.cast("tea", "hi")).toEqual(all(0));
    cluster.network.mend(one.name);
    await turns();
    expect(one.gaps).toEqual(["tea"]);
    expect(await one.casts.cast("tea", "hello")).toEqual(all(1));
    expect(await two.casts.cast("cake", "hello")).toEqual(all(1));
    expect(one.errors).toEqual([]);
  });

  it("ask whom a publish reached that took effect and failed", async () => {
    const cluster = new TestCluster();
    const unavailable = new RealtimeError("unavailable", "the reply was lost");
    let error: Error = unavailable;
    const one = await cluster.node({}, (broker) =>
      changed(broker, {
        publish: async (...args) => {
          if (error === unavailable) await broker.publish(...args);
          throw error;
        },
      }),
    );
    const [two, three] = await cluster.nodes(2);
    await cluster.join("tea", two);
    expect(await cluster.after(one.casts.cast("tea", "hello"))).toEqual([all(1), 0]);
    expect(one.errors).toEqual([]);
    // A publish that had no effect, for a reason of its own.
    error = new RangeError("topic: too long");
    const [reach] = await cluster.after(one.casts.cast("tea", "hello"));
    expect(reach).toEqual({ reached: 0, missing: [two.name], delivery: "local-only" });
    expect([one.errors, three.heard]).toEqual([[error], []]);
  });

  it("answer of a flood of checks so much as a turn has time for", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    let told = 0;
    two.broker.tell = async (_node, { byteLength }) => void (told += byteLength);
    const RUNS = 1000;
    const checks = oneItem(ItemKind["checks"], (content) => {
      for (let run = 0; run < RUNS; run++) {
        content.text("");
        for (const value of [1, run * 1_000_000, 1_000_000]) content.number(value);
      }
    });
    await one.broker.tell(two.name, checks);
    await turns();
    // All of the first 200000 casts are one run.
    expect([told > 0, told < 100, two.casts.stats.refused]).toEqual([true, true, RUNS]);
    const cast = one.casts.cast("tea", "hello");
    expect((await cluster.after(cast))[0].reached).toBe(0);
  });

  it("keep no more than 16 MiB until the broker has started, and say of the rest that it went nowhere", async () => {
    const cluster = new TestCluster();
    let published = 0;
    const one = cluster.unstarted({}, (broker) =>
      changed(broker, {
        publish: async (_topic, data) => {
          published += data.length;
          return { position: undefined, delivery: "cluster", repeated: false, others: 0 };
        },
      }),
    );
    const text = "x".repeat(1024 * 1024);
    const casts = Array.from({ length: 40 }, () => one.casts.cast("tea", text));
    expect(one.casts.stats.refused).toBe(25);
    expect(await casts.at(-1)).toEqual({ reached: 0, missing: [], delivery: "local-only" });
    await one.casts.start();
    expect(await Promise.all(casts.slice(0, 15))).toEqual(casts.slice(0, 15).map(() => all(0)));
    expect(published).toBe(15 * text.length);
    await one.casts.close();
  });

  it("end in time though the broker never answers", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node({}, (broker) => changed(broker, { publish: () => new Promise(() => {}) }));
    const two = await cluster.node();
    await cluster.join("tea", two);
    const [reach, ms] = await cluster.after(one.casts.cast("tea", "hello"));
    expect([reach, ms <= 1000]).toEqual([{ reached: 0, missing: [two.name], delivery: "local-only" }, true]);
  });
});

const NODES = 4;
const CASTS = 60;

describe("casts on a broker that does its worst", () => {
  it.each([1, 2])("tell the truth: whatever is not counted has a node that is missing (seed %i)", async (seed) => {
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
