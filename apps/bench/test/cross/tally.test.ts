import { expect, it } from "vitest";
import { Tally } from "../../src/cross/tally.ts";
import { textOf } from "../../src/cross/text.ts";

it("counts what comes, whatever it is wrapped in, and tells every so many", () => {
  const told: number[] = [];
  const tally = new Tally(2, (received) => told.push(received));
  tally.take(`42["said","${textOf(1, 0)}"]`);
  tally.take(textOf(2, 0) + textOf(3, 0));
  tally.take(`{"payload":{"text":"${textOf(4, 0)}"}}`);
  expect(tally.count).toMatchObject({ received: 4, lost: 0, disorders: 0 });
  expect(told).toEqual([2, 4]);
});

it("finds what is missing, and what comes again or too late", () => {
  const tally = new Tally(100, () => {});
  for (const number of [1, 4, 3, 4, 5]) tally.take(textOf(number, 0));
  expect(tally.count).toMatchObject({ received: 5, lost: 2, disorders: 2 });
});

it("writes 64 bytes", () => {
  expect(textOf(123_456, 987_654_321_012)).toHaveLength(64);
});
