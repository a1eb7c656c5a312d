import { FairMap } from "@upwire/cluster/broker";
import { expect, it } from "vitest";

const names = (map: FairMap<unknown>): string[] => [...map.entries()].map(([name]) => name);

it("evicts the oldest entry of an owner who has the most", () => {
  const map = new FairMap<number>();
  map.set("bob 1", 1, { owner: "bob", weight: 0.1 });
  for (let n = 1; n <= 9; n++) map.set(`ann ${n}`, n, { owner: "ann", weight: 0.1 });
  expect(map.hasMost("ann") && !map.hasMost("bob") && !map.hasMost("carol")).toBe(true);
  for (let n = 1; n <= 7; n++) expect(map.evict()).toEqual([`ann ${n}`, n]);
  expect(names(map)).toEqual(["bob 1", "ann 8", "ann 9"]);
});

it("counts by weight, and not by entries", () => {
  const map = new FairMap<undefined>();
  for (let n = 1; n <= 9; n++) map.set(`ann ${n}`, undefined, { owner: "ann", weight: 0.01 });
  map.set("bob 1", undefined, { owner: "bob", weight: 0.5 });
  expect(map.evict()?.[0]).toBe("bob 1");
});

it("evicts from no owner who has less than half of what another has", () => {
  let seed = 7;
  const below = (bound: number): number => (seed = (seed * 48_271) % 2_147_483_647) % bound;
  const map = new FairMap<string>();
  const weights = new Map<string, number>();
  const held = new Map<string, number>();
  const count = (name: string, weight: number): void => {
    const owner = name.slice(0, name.indexOf(" "));
    held.set(owner, (held.get(owner) ?? 0) + weight - (weights.get(name) ?? 0));
    weights.set(name, weight);
  };
  for (let step = 0; step < 5000; step++) {
    const owner = `${below(20) * below(20)}`;
    const name = `${owner} ${below(200)}`;
    const weight = (1 + below(100)) / 1024;
    const chance = below(10);
    if (chance < 2) {
      map.delete(name);
      count(name, 0);
    } else if (chance < 8) {
      map.set(name, owner, { owner, weight });
      count(name, weight);
    } else {
      const [evicted, from] = map.evict() ?? ["", ""];
      if (evicted !== "") expect(2 * (held.get(from) ?? 0)).toBeGreaterThan(Math.max(...held.values()));
      if (evicted !== "") count(evicted, 0);
    }
  }
  expect(map.size).toBe([...weights.values()].filter((weight) => weight > 0).length);
  expect(map.size).toBeGreaterThan(500);
});

it("forgets owners who have nothing, and puts what is set anew behind all others", () => {
  const map = new FairMap<number>();
  map.set("a", 1, { owner: "ann", weight: 1 });
  map.set("b", 2, { owner: "bob", weight: 0.1 });
  map.set("a", 3, { owner: "bob", weight: 0.1 });
  expect([...map.entries()]).toEqual([
    ["b", 2, "bob"],
    ["a", 3, "bob"],
  ]);
  expect([map.hasMost("ann"), map.hasMost("bob"), map.delete("b"), map.delete("b"), map.get("a"), map.size]).toEqual([false, true, 2, undefined, 3, 1]);
  map.clear();
  expect([map.evict(), map.size, map.hasMost("bob")]).toEqual([undefined, 0, false]);
});
