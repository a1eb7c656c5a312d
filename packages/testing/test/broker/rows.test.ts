import { expect, it } from "vitest";
import { BrokerBench } from "../../src/broker/broker-bench.ts";
import { groups } from "../../src/broker/rows/groups.ts";
import { wrongBrokers } from "./wrong-brokers.ts";
import { wrongNodes } from "./wrong-nodes.ts";

const rows = Object.values(groups).flat();
const pairs = [...wrongBrokers, ...wrongNodes].flatMap(({ fault, finds, make }) => finds.map((title) => ({ fault, title, make })));

it.each(pairs)("a broker that $fault is found by: $title", async ({ title, make }) => {
  const row = rows.find((one) => one.title === title);
  const bench = await BrokerBench.start(make, undefined, { patienceMs: 100 });
  await expect(row?.run(bench, make)).rejects.toThrow(Error);
  await bench.close();
});

it("each row finds a fault", () => {
  expect(rows.map(({ title }) => title).filter((title) => !pairs.some((pair) => pair.title === title))).toEqual([]);
});
