import { expect, it } from "vitest";
import { crossCells } from "../../src/cross/cells.ts";
import { crossClaims, judgeCross } from "../../src/cross/claims.ts";
import type { CrossFigures } from "../../src/cross/measure.ts";

const figures = (own: Partial<CrossFigures>): CrossFigures[] => [
  {
    cpuUs: 1,
    publisherUs: 1,
    subscriberUs: 1,
    brokerUs: undefined,
    readBytes: 1,
    perSecond: 1,
    p50Ms: 1,
    p99Ms: 1,
    lost: 0,
    disorders: 0,
    ...own,
  },
];

it("names cells and rows that there are", () => {
  for (const { cell, row, against } of crossClaims) expect(crossCells[cell]?.rows).toEqual(expect.arrayContaining([row, against]));
});

it("holds what is within its bounds, and nothing else", () => {
  const verdictOf = (redis: number): boolean[] =>
    judgeCross(
      new Map([
        [
          "single",
          new Map([
            ["redis", figures({ cpuUs: redis })],
            ["socketio-redis", figures({ cpuUs: 50 })],
          ]),
        ],
      ]),
    ).map(({ holds }) => holds);
  expect(verdictOf(10)).toEqual([true]);
  expect(verdictOf(10.1)).toEqual([false]);
});

it("judges nothing that was not measured", () => {
  expect(judgeCross(new Map([["single", new Map([["redis", figures({})]])]]))).toEqual([]);
});
