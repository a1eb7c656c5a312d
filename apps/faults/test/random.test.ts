import { expect, it } from "vitest";
import { Random } from "../src/random.ts";

it("gives the same numbers for the same seed and round, and others for others", () => {
  const numbersOf = (seed: number, round: number): number[] => {
    const random = new Random(seed, round);
    return Array.from({ length: 20 }, () => random.between(1, 1000));
  };
  expect(numbersOf(7, 1)).toEqual(numbersOf(7, 1));
  expect(numbersOf(7, 2)).not.toEqual(numbersOf(7, 1));
  expect(numbersOf(8, 1)).not.toEqual(numbersOf(7, 1));
});

it("stays within its bounds, and reaches both", () => {
  const random = new Random(3, 1);
  const numbers = Array.from({ length: 500 }, () => random.between(5, 9));
  expect(new Set(numbers)).toEqual(new Set([5, 6, 7, 8, 9]));
});
