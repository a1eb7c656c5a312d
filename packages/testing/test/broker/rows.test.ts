import { expect, it } from "vitest";
import { BrokerBench } from "../../src/broker/broker-bench.ts";
import { keys } from "../../src/broker/rows/keys.ts";
import { life } from "../../src/broker/rows/life.ts";
import { publishing } from "../../src/broker/rows/publishing.ts";
import { reading } from "../../src/broker/rows/reading.ts";
import { wrongBrokers } from "./wrong-brokers.ts";

const rows = [...publishing, ...reading, ...keys, ...life];
const pairs = wrongBrokers.flatMap(({ fault, finds, make }) => finds.map((title) => ({ fault, title, make })));

it.each(pairs)("a broker that $fault is found by: $title", async ({ title, make }) => {
  const row = rows.find((one) => one.title === title);
  const bench = await BrokerBench.start(make, undefined, { patienceMs: 100 });
  await expect(row?.run(bench, make)).rejects.toThrow(Error);
  await bench.close();
});

it("each row finds a fault", () => {
  expect(rows.map(({ title }) => title).filter((title) => !pairs.some((pair) => pair.title === title))).toEqual([]);
});
