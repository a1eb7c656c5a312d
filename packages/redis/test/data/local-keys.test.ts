import { expect, it } from "vitest";
import { LocalKeys } from "../../src/data/local-keys.ts";

it("forgets keys of an owner who has the most, and keeps those of the others", () => {
  const keys = new LocalKeys(100);
  keys.add("a", "mine", { owner: "ann", until: 1000 });
  for (let n = 0; n < 1000; n++) keys.add("a", `flood ${n}`, { owner: "bob", until: 1000 });
  expect(keys.has("a", "mine", 0)).toBe(true);
  expect(keys.has("a", "flood 0", 0)).toBe(false);
  expect(keys.has("a", "flood 999", 0)).toBe(true);
  expect(keys.entries(0)).toHaveLength(100);
});

it("forgets keys whose time has passed", () => {
  const keys = new LocalKeys();
  keys.add("a", "one", { owner: "", until: 10 });
  keys.add("a", "two", { owner: "", until: 20 });
  expect([keys.has("a", "one", 9), keys.has("a", "one", 10), keys.has("b", "two", 0)]).toEqual([true, false, false]);
  expect(keys.entries(15)).toEqual([{ topic: "a", key: "two", leftMs: 5 }]);
  expect(keys.entries(0)).toHaveLength(1);
});
