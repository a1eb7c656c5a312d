import type { Broker, BrokerData } from "@upwire/cluster/broker";
import type { CastOptions } from "@upwire/cluster/casts";
import { describe, expect, it } from "vitest";
import { all, changed, TestCluster, type TestNode, turns } from "./cluster.ts";

describe("a cast", () => {
  it("reaches the nodes with members, and no others, and adds up how many queues took it", async () => {
    const cluster = new TestCluster();
    const [one, two, three, four] = await cluster.nodes(4);
    two.took = 2;
    three.took = 30;
    await cluster.join("tea", one, two, three);
    const [reach, ms] = await cluster.after(one.casts.cast("tea", "hello"));
    expect([reach, ms]).toEqual([all(32), 0]);
    expect([one.heard, two.heard, three.heard, four.heard]).toEqual([[], ["tea hello"], ["tea hello"], []]);
    expect(await four.casts.cast("tea", new Uint8Array([1, 2]))).toEqual(all(33));
    expect([one.heard, two.heard.at(-1)]).toEqual([["tea 0102"], "tea 0102"]);
    expect(await one.casts.cast("elsewhere", "hello")).toEqual(all(0));
    expect(cluster.clock.pending).toBeLessThanOrEqual(cluster.timers + 4);
  });

  it("arrives in the order of the calls, and all answers of a turn are one message", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    await cluster.join("tea", two);
    const before = two.broker.stats.tells;
    const reaches = await Promise.all(Array.from({ length: 1000 }, (_, n) => one.casts.cast("tea", `${n}`)));
    expect(reaches).toEqual(Array(1000).fill(all(1)));
    expect(two.heard).toEqual(Array.from({ length: 1000 }, (_, n) => `tea ${n}`));
    expect(two.broker.stats.tells - before).toBe(1);
  });

  it("takes its key and mustArrive along, with text and with bytes", async () => {
    const cluster = new TestCluster();
    const got: (readonly [BrokerData, CastOptions | undefined])[] = [];
    const one = await cluster.node();
    const two = await cluster.node({ deliver: (_address, data, options) => got.push([typeof data === "string" ? data : [...data].join(), options]) });
    await cluster.join("tea", two);
    await one.casts.cast("tea", "täxt", { key: "kéy" });
    await one.casts.cast("tea", new Uint8Array([0, 255]), { mustArrive: true });
    await one.casts.cast("tea", "", { key: "", mustArrive: false });
    await one.casts.cast("tea", "plain", {});
    expect(got).toEqual([
      ["täxt", { key: "kéy", mustArrive: false }],
      ["0,255", { key: undefined, mustArrive: true }],
      ["", { key: "", mustArrive: false }],
      ["plain", undefined],
    ]);
  });

  it("asks the nodes by name when the broker does not know how many there are, and no node without members holds it up", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node({}, (broker) =>
      changed(broker, { publish: async (...args) => ({ ...(await broker.publish(...args)), others: undefined }) }),
    );
    const [two, three, four] = await cluster.nodes(3);
    await cluster.join("tea", two, three);
    expect(await cluster.after(one.casts.cast("tea", "hello"))).toEqual([all(2), 0]);
    three.broker.freeze();
    four.broker.freeze();
    const [reach, ms] = await cluster.after(one.casts.cast("tea", "hello"));
    expect([reach, ms <= 1000]).toEqual([{ reached: 1, missing: [three.name, four.name], delivery: "cluster" }, true]);
  });

  it("counts 0 for a deliver that throws or gives no count, and reports it", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    const fault = new Error("a fault");
    const given: (() => unknown)[] = [
      () => {
        throw fault;
      },
      () => "many",
      () => -1,
      () => Promise.reject(fault),
    ];
    for (const deliver of given) {
      const two = await cluster.node({ deliver: deliver as () => number });
      await cluster.join("tea", two);
      expect(await one.casts.cast("tea", "hello")).toEqual(all(0));
      await turns();
      expect(two.errors).toEqual([deliver === given[0] || deliver === given[3] ? fault : expect.any(TypeError)]);
      await two.casts.close();
    }
  });

  it("waits for the start of the broker, and goes nowhere when that fails", async () => {
    const cluster = new TestCluster();
    const two = await cluster.node();
    await cluster.join("tea", two);
    const start: ((how: "well" | Error) => void)[] = [];
    const slow = (broker: Parameters<typeof changed>[0]): ReturnType<typeof changed> =>
      changed(broker, {
        start: async (sink) => {
          const how = await new Promise<"well" | Error>((resolve) => void start.push(resolve));
          if (how !== "well") throw how;
          await broker.start(sink);
        },
      });
    const [one, three, four] = [cluster.unstarted({}, slow), cluster.unstarted({}, slow), cluster.unstarted({}, slow)];
    const casts = [one, three, four].map(({ casts: each }) => [outcome(each.start()), each.cast("tea", "hello"), each.ask(undefined, "who?")] as const);
    await expect(one.casts.start()).rejects.toThrow("started already");
    start[0]?.("well");
    start[1]?.(new Error("a wrong password"));
    expect(await casts[0]?.[0]).toBe("well");
    expect(await casts[0]?.[1]).toEqual(all(1));
    expect((await casts[0]?.[2])?.answers.size).toBe(1);
    expect(await casts[1]?.[0]).toEqual(new Error("a wrong password"));
    expect(await casts[1]?.[1]).toEqual({ reached: 0, missing: [], delivery: "local-only" });
    expect(await three.casts.cast("tea", "hello")).toEqual({ reached: 0, missing: [], delivery: "local-only" });
    // The third never starts, and its cast leaves no more once its time is over.
    expect(await cluster.after(casts[2]?.[1] as Promise<unknown>)).toEqual([{ reached: 0, missing: [], delivery: "local-only" }, expect.any(Number)]);
    expect(await casts[2]?.[2]).toEqual({ answers: new Map(), missing: [], delivery: "local-only" });
    start[2]?.("well");
    expect(await casts[2]?.[0]).toBe("well");
    await turns();
    expect(two.heard).toEqual(["tea hello"]);
  });

  it("ends with the casts, and none begins after that", async () => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    await cluster.join("tea", two);
    two.broker.freeze();
    const pending = [one.casts.cast("tea", "hello"), one.casts.ask(undefined, "who?")];
    await turns();
    await Promise.all([one.casts.close(), one.casts.close()]);
    const missing = [two.name];
    expect(await Promise.all(pending)).toEqual([
      { reached: 0, missing, delivery: "cluster" },
      { answers: new Map(), missing, delivery: "cluster" },
    ]);
    expect(await one.casts.cast("tea", "hello")).toMatchObject({ reached: 0, delivery: "local-only" });
    expect(await one.casts.ask(two.name, "who?")).toMatchObject({ missing, delivery: "local-only" });
    expect(one.casts.stats).toMatchObject({ pending: 0, asking: 0, addresses: 0 });
    one.casts.join("tea");
    one.casts.leave("tea");
    await two.casts.close();
    expect(cluster.clock.pending).toBe(0);
  });

  it("names the others as missing over maxPending, and is sent all the same", async () => {
    const cluster = new TestCluster();
    const one = await cluster.node({ maxPending: 2 });
    const two = await cluster.node();
    await cluster.join("tea", two);
    const [first, second, third] = ["1", "2", "3"].map((data) => one.casts.cast("tea", data));
    expect(await Promise.all([first, second, third])).toEqual([all(1), all(1), { reached: 0, missing: [two.name], delivery: "cluster" }]);
    expect(two.heard).toEqual(["tea 1", "tea 2", "tea 3"]);
    expect(one.casts.stats).toMatchObject({ pending: 0, refused: 1 });
    expect(await one.casts.cast("tea", "4")).toEqual(all(1));
  });
});

function outcome(promise: Promise<void>): Promise<unknown> {
  return promise.then(
    () => "well",
    (error: unknown) => error,
  );
}

describe("the options of casts", () => {
  it.each([
    [{ broker: {} }, "Casts: broker: an object is not allowed; give a broker"],
    [{ broker: undefined }, "Casts: broker is missing; give a broker"],
    [{ clock: 5 }, "Casts: clock: 5 is not allowed"],
    [{ deliver: undefined }, "Casts: deliver is missing; give a function"],
    [{ timeoutMs: 100 }, "Casts: timeoutMs: 100 is not allowed; give a whole number from 200 to 2147483647"],
    [{ lingerMs: -1 }, "Casts: lingerMs: -1 is not allowed"],
    [{ maxPending: 0 }, "Casts: maxPending: 0 is not allowed"],
    [{ timeout: 5 }, 'Casts: there is no option "timeout"; write "timeoutMs"'],
  ])("refuse %j", (options, message) => {
    expect(() => new TestCluster().unstarted(options as never)).toThrow(message);
  });
});

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
