import { expect } from "vitest";
import { history, isUnavailable, type BrokerBench } from "../broker-bench.ts";
import type { Row } from "./row.ts";

const numbers = Array.from({ length: 40 }, (_, at) => at + 1);

/** What publishes do, and what subscribers are told. */
export const publishing: readonly Row[] = [
  {
    title: "gives one topic offsets from 1 on, without a hole, in the order of the calls",
    needs: ["history"],
    async run(bench) {
      const { offsets, kept } = await publishAtOnce(bench);
      expect(kept.publications.map(({ offset }) => offset)).toEqual(numbers.slice(0, kept.publications.length));
      expect(kept.top).toBe(kept.publications.length);
      // What was rejected may have taken effect or not; what stands there stands in order.
      const values = kept.publications.map(({ data }) => Number(data));
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      for (const [value, offset] of offsets) expect(kept.publications[offset - 1]?.data).toBe(String(value));
    },
  },
  {
    title: "takes every publish on the first try",
    needs: ["history", "steady"],
    async run(bench) {
      const { offsets } = await publishAtOnce(bench);
      expect([...offsets]).toEqual(numbers.map((number) => [number, number]));
    },
  },
  {
    title: "tells or shows every publication after the position of the subscribe",
    needs: ["history"],
    async run(bench) {
      for (const number of [1, 2, 3]) await bench.publish("a", String(number), { history });
      expect((await bench.subscribe("a", history))?.offset).toBe(3);
      for (const number of numbers) await bench.publish("a", String(number), { history });
      await bench.until("the last offset is told or shown", () => bench.shownOf("a") === 43);
    },
  },
  {
    title: "tells the data, as the kind that it was, and the origin of the position",
    needs: ["history"],
    async run(bench) {
      await bench.subscribe("a", history);
      for (const number of numbers) {
        const data = number % 2 === 0 ? String(number) : Uint8Array.of(number, 0, 255);
        await bench.publish("a", data, { history, ...(number % 3 === 0 && { origin: `node-${number}` }) });
      }
      await bench.until("the last offset is told or shown", () => bench.shownOf("a") === 40);
      expect(bench.toldOf("a")).not.toEqual([]);
      for (const { data, position, origin } of bench.toldOf("a")) {
        const number = position?.offset ?? 0;
        if (number % 2 === 0) expect(data).toBe(String(number));
        else expect([...(data as Uint8Array)]).toEqual([number, 0, 255]);
        expect(origin).toBe(number % 3 === 0 ? `node-${number}` : undefined);
      }
    },
  },
  {
    title: "tells each publication once, in order, before its publish is fulfilled",
    needs: ["history", "exact", "steady"],
    async run(bench) {
      await bench.subscribe("a", history);
      await bench.subscribe("a", history);
      for (const number of numbers) {
        await bench.of("publish", bench.broker.publish("a", String(number), { history }));
        expect(bench.toldOf("a")).toHaveLength(number);
      }
      expect(bench.toldOf("a").map(({ position }) => position?.offset)).toEqual(numbers);
    },
  },
  {
    title: "shows the newest position at least once a second",
    needs: ["history", "tops"],
    async run(bench) {
      await bench.subscribe("a", history);
      await bench.subscribe("b", history);
      const position = { ...(await bench.publish("a", "x", { history })).position };
      for (let second = 1; second <= bench.seconds; second++) {
        const seen = bench.tops.length;
        expect(await bench.nextTop("a")).toEqual(position);
        await bench.untilNow("the position of b is shown", () => bench.tops.slice(seen).some(([topic]) => topic === "b"));
      }
    },
  },
  {
    title: "gives no position without history, and keeps nothing",
    needs: [],
    async run(bench) {
      expect(await bench.subscribe("a")).toBeUndefined();
      expect((await bench.publish("a", "x", { origin: "me" })).position).toBeUndefined();
      await bench.until("it is told, or a gap is", () => bench.told.length + bench.gaps.length > 0);
      for (const [topic, publication] of bench.told) expect([topic, publication]).toEqual(["a", { data: "x", position: undefined, origin: "me" }]);
      expect((await bench.page("a", 0, 10)).publications).toEqual([]);
    },
  },
  {
    title: "tells a gap for each loss of a topic without history",
    needs: [],
    async run(bench) {
      await bench.subscribe("a");
      for (const number of numbers) await bench.publish("a", String(number));
      await bench.until("all are told, or a gap is", () => bench.gaps.includes("a") || bench.told.length === numbers.length);
      const values = bench.told.map(([, { data }]) => data);
      expect(new Set(values).size).toBe(values.length);
    },
  },
  {
    title: "tells nothing of topics that were never subscribed, nor to a node that has unsubscribed",
    needs: ["exact", "steady"],
    async run(bench) {
      await bench.subscribe("a");
      await bench.publish("b", "x");
      await bench.unsubscribe("a");
      await bench.unsubscribe("never");
      await bench.publish("a", "x");
      await bench.subscribe("c");
      await bench.publish("c", "x");
      expect(bench.told.map(([topic]) => topic)).toEqual(["c"]);
    },
  },
];

/** Forty publishes in one go, some of which may fail. */
async function publishAtOnce(bench: BrokerBench): Promise<{ offsets: Map<number, number>; kept: Awaited<ReturnType<BrokerBench["history"]>> }> {
  const offsets = new Map<number, number>();
  const calls = numbers.map(async (number) => {
    try {
      const { position } = await bench.broker.publish("a", String(number), { history });
      offsets.set(number, position?.offset ?? 0);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  });
  await bench.of("forty publishes", Promise.all(calls));
  return { offsets, kept: await bench.history("a") };
}
