import { expect, it } from "vitest";
import { readArguments } from "../src/arguments.ts";

const names = ["one", "two"];

it("plays every scenario once unless it is told otherwise", () => {
  expect(readArguments(["--seed", "7"], names)).toEqual({ rounds: 1, messages: 10_000, seed: 7, only: names, json: undefined });
  expect(readArguments(["--rounds", "20", "--only", "two"], names)).toMatchObject({ rounds: 20, only: ["two"] });
});

it.each([
  [["--only", "three"], '--only: there is no scenario "three"; there are: one, two'],
  [["--rounds", "0"], "--rounds 0 is not allowed; give a whole number from 1 on"],
  [["--messages", "many"], "--messages many is not allowed; give a whole number from 1 on"],
])("refuses %s", (args, message) => {
  expect(() => readArguments(args, names)).toThrow(message);
});
