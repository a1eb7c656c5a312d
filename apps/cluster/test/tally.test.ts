import { expect, it } from "vitest";
import { Tally } from "../src/tally.ts";

function tallyOf(...messages: [from: string, n: number][]): Tally {
  const tally = new Tally();
  for (const [from, n] of messages) tally.add({ from, n, via: 1 });
  return tally;
}

it("counts what each tab said, from the first that came", () => {
  const tally = tallyOf(["a", 7], ["a", 8], ["b", 1], ["a", 9]);
  expect(tally.total).toEqual({ received: 4, lost: 0, doubled: 0 });
  expect(tally.senders.map(({ name, last }) => [name, last])).toEqual([
    ["a", 9],
    ["b", 1],
  ]);
});

it("counts what is missing, and what came twice or too late", () => {
  expect(tallyOf(["a", 1], ["a", 4]).total).toEqual({ received: 2, lost: 2, doubled: 0 });
  expect(tallyOf(["a", 1], ["a", 2], ["a", 2], ["a", 1]).total).toEqual({ received: 2, lost: 0, doubled: 2 });
});

it("knows through which server the newest of each tab came", () => {
  const tally = new Tally();
  tally.add({ from: "a", n: 1, via: 1 });
  tally.add({ from: "a", n: 2, via: 3 });
  expect(tally.senders[0]?.via).toBe(3);
});
