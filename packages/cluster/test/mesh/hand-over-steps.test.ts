// A home closes while others publish: every node is killed, or stands still, at every one of its writes.
import { expect, it } from "vitest";
import { play, type Harm } from "./steps/play.ts";
import { seeded } from "./steps/seeded.ts";

it.skipIf(process.env["X"] === undefined)("measures", async () => {
  const start = performance.now();
  for (let seed = 1; seed <= 10; seed++) console.log(seed, JSON.stringify(await play([], seeded(seed))));
  console.log("ms", performance.now() - start);
  const harm: Harm = { who: "heir", write: 3, stillMs: Infinity };
  console.log(JSON.stringify(await play([harm], seeded(1))));
  expect(1).toBe(1);
}, 60_000);
