import { expect } from "vitest";
import { BrokerBench } from "../broker-bench.ts";
import type { Row } from "./row.ts";

/** Within so long a change must have been shown, and a little for what is on its way. Milliseconds. */
const SHOWN_MS = 5000 + 1000;

/** Which nodes there are. */
export const nodes: readonly Row[] = [
  {
    title: "has a name that no other broker has, and is a node once it has started",
    needs: [],
    async run(bench, make) {
      const { broker } = bench;
      expect(broker.node).toMatch(/^[A-Za-z0-9_-]{8,32}$/);
      expect(broker.nodes()).toEqual([broker.node]);
      const again = await BrokerBench.start(make);
      expect(again.broker.node).not.toBe(broker.node);
      expect(again.broker.nodes()).toEqual([again.broker.node]);
      await again.close();
    },
  },
  {
    title: "shows a node that has started the others at once, and it to the others within 5 s",
    needs: ["nodes"],
    async run(one) {
      const other = await one.join();
      expect(named(other)).toEqual(names(one, other));
      await says(one, names(one, other));
      const third = await one.join();
      expect(named(third)).toEqual(names(one, other, third));
      for (const bench of [one, other]) await says(bench, names(one, other, third));
    },
  },
  {
    title: "drops a node that has closed, and says so",
    needs: ["nodes"],
    async run(one) {
      const [other, third] = [await one.join(), await one.join()];
      for (const bench of [one, other, third]) await shows(bench, names(one, other, third));
      await one.of("close", other.broker.close());
      for (const bench of [one, third]) await says(bench, names(one, third));
      const told = other.alive.length;
      await one.of("close", third.broker.close());
      await says(one, names(one));
      expect(other.alive).toHaveLength(told);
    },
  },
  {
    title: "drops a node that is cut off within 5 s, and gives it at its return what was to be kept",
    needs: ["nodes", "cut"],
    async run(one) {
      const [other, third] = [await one.join(), await one.join()];
      for (const bench of [one, other, third]) await shows(bench, names(one, other, third));
      const keepMs = 60_000;
      await other.cut();
      await one.tell(other.broker.node, "early", { keepMs });
      await one.tell(undefined, "to all", { keepMs });
      await says(one, names(one, third));
      await one.tell(other.broker.node, "late", { keepMs });
      await one.tell(undefined, "late to all", { keepMs });
      expect(other.heard).toEqual([]);
      await other.mend();
      await one.until("all that was kept is told", () => new Set(other.heardOf(one)).size === 4, 2);
      expect(distinct(other.heardOf(one))).toEqual(["early", "to all", "late", "late to all"]);
      await one.until("the other one has heard it too", () => new Set(third.heardOf(one)).size === 2);
      expect(distinct(third.heardOf(one))).toEqual(["to all", "late to all"]);
      for (const bench of [one, third]) await says(bench, names(one, other, third));
      await shows(other, names(one, other, third));
    },
  },
  {
    title: "tells a node that was cut off what was to be kept once",
    needs: ["nodes", "cut", "steady"],
    async run(one) {
      const other = await one.join();
      const keepMs = 60_000;
      await one.tell(other.broker.node, "before", { keepMs });
      await one.until("it is told", () => other.heard.length > 0);
      await other.cut();
      for (const text of ["1", "2", "3"]) await one.tell(other.broker.node, text, { keepMs });
      await other.mend();
      await one.until("all that was kept is told", () => other.heardOf(one).includes("3"), 2);
      await one.tell(other.broker.node, "after", { keepMs });
      await one.until("what comes later is told", () => other.heardOf(one).includes("after"));
      expect(other.heardOf(one)).toEqual(["before", "1", "2", "3", "after"]);
    },
  },
];

function names(...benches: readonly BrokerBench[]): string[] {
  return benches.map(({ broker }) => broker.node).toSorted();
}

function named({ broker }: BrokerBench): string[] {
  return broker.nodes().toSorted();
}

/** It must show these nodes in time. */
async function shows(bench: BrokerBench, expected: readonly string[]): Promise<void> {
  const begun = bench.clock.now();
  await bench.until(`${bench.broker.node} shows ${expected.join(", ")}`, () => named(bench).join() === expected.join(), 2);
  expect(bench.clock.now() - begun).toBeLessThanOrEqual(SHOWN_MS);
}

/** The same, and the hook must have said so. */
async function says(bench: BrokerBench, expected: readonly string[]): Promise<void> {
  await shows(bench, expected);
  await bench.until(`the hook of ${bench.broker.node} says it`, () => bench.alive.at(-1)?.toSorted().join() === expected.join());
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
