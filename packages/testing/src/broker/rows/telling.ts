import { expect } from "vitest";
import { isUnavailable, type BrokerBench } from "../broker-bench.ts";
import type { Row } from "./row.ts";

const numbers = Array.from({ length: 40 }, (_, at) => String(at + 1));
const kept = { keepMs: 60_000 };

/** What one node tells others, apart from publications. */
export const telling: readonly Row[] = [
  {
    title: "tells the one node that is named, with the name of the sender, in the order of the calls, and once",
    needs: ["nodes"],
    async run(one) {
      const [other, third] = [await one.join(), await one.join()];
      await tellAll(one, other.broker.node);
      await end(one, other);
      expectInOrder(other, one);
      expect(one.heard).toEqual([]);
      expect(third.heard).toEqual([]);
    },
  },
  {
    title: "tells all others when none is named, and not the sender",
    needs: ["nodes"],
    async run(one) {
      const [other, third] = [await one.join(), await one.join()];
      await tellAll(one, undefined);
      for (const bench of [other, third]) {
        await end(one, bench);
        expectInOrder(bench, one);
      }
      expect(one.heard).toEqual([]);
    },
  },
  {
    title: "tells a node that is alive all that it is told",
    needs: ["nodes", "steady"],
    async run(one) {
      const other = await one.join();
      await tellAll(one, other.broker.node);
      await tellAll(one, undefined);
      await tellAll(other, undefined);
      await one.until("all is told", () => other.heard.length >= 2 * numbers.length && one.heard.length >= numbers.length);
      expect(other.heardOf(one)).toEqual([...numbers, ...numbers]);
      expect(one.heardOf(other)).toEqual(numbers);
    },
  },
  {
    title: "tells once what it would keep, to a node that is not cut off",
    needs: ["nodes"],
    async run(one) {
      const other = await one.join();
      const taken = await tellAll(one, other.broker.node, kept);
      await end(one, other);
      expectInOrder(other, one);
      expect(other.heardOf(one)).toEqual(expect.arrayContaining(taken));
    },
  },
  {
    title: "gives the bytes as they are, also none",
    needs: ["nodes"],
    async run(one) {
      const other = await one.join();
      const text = "\0\u007fä€\u{1f600} ".repeat(1000);
      await one.tell(other.broker.node, text, kept);
      await one.tell(other.broker.node, "", kept);
      await one.until("both are told", () => other.heardOf(one).includes(""));
      expect(new Set(other.heardOf(one))).toEqual(new Set([text, ""]));
    },
  },
  {
    title: "tells nobody what is for a node that it does not know, or for itself",
    needs: ["nodes"],
    async run(one) {
      const other = await one.join();
      for (const name of ["no-such-node", one.broker.node]) {
        await one.tell(name, "x");
        await one.tell(name, "x", kept);
      }
      await end(one, other);
      expect(new Set(other.heardOf(one))).toEqual(new Set(["end"]));
      expect(one.heard).toEqual([]);
    },
  },
  {
    title: "tells a node nothing that was told before it started",
    needs: ["nodes"],
    async run(one) {
      const other = await one.join();
      await one.tell(undefined, "before", kept);
      await one.until("it is told to those that were there", () => other.heardOf(one).includes("before"));
      const third = await one.join();
      await end(one, third);
      expect(new Set(third.heardOf(one))).toEqual(new Set(["end"]));
    },
  },
  {
    title: "fulfils, and tells nobody, where there is no other node",
    needs: [],
    async run(bench) {
      await bench.tell(undefined, "x");
      await bench.tell("no-such-node", "x", kept);
      await bench.tell(bench.broker.node, "x", kept);
      expect(bench.heard).toEqual([]);
    },
  },
  {
    title: "refuses to tell too much, or to keep it too long, with a RangeError",
    needs: [],
    async run({ broker }) {
      await expect(broker.tell(undefined, new Uint8Array(1024 * 1024 + 1))).rejects.toThrow(RangeError);
      for (const keepMs of [0, -1, Number.NaN, 3_600_001]) await expect(broker.tell(undefined, new Uint8Array(1), { keepMs })).rejects.toThrow(RangeError);
    },
  },
];

/** Forty in one go, some of which may fail. @returns the ones that the broker has taken over. */
async function tellAll(from: BrokerBench, node: string | undefined, options?: { readonly keepMs: number }): Promise<string[]> {
  const taken: string[] = [];
  const calls = numbers.map(async (number) => {
    try {
      await from.broker.tell(node, new TextEncoder().encode(number), options);
      taken.push(number);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  });
  await from.of("forty tells", Promise.all(calls));
  return taken;
}

/** Waits for one that comes behind all others. */
async function end(from: BrokerBench, to: BrokerBench): Promise<void> {
  await from.tell(to.broker.node, "end", kept);
  await from.until("the last one is told", () => to.heardOf(from).includes("end"));
}

function expectInOrder(to: BrokerBench, from: BrokerBench): void {
  const heard = to.heard.filter(([, text]) => text !== "end");
  const values = heard.map(([, text]) => Number(text));
  expect(values).not.toEqual([]);
  expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b));
  for (const [name] of heard) expect(name).toBe(from.broker.node);
}
