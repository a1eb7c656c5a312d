// A home closes while others publish, in memory: a node is killed, or stands still, before any of its writes. The short form of steps.mjs.
import { expect, it } from "vitest";
import { judgeCase, pairs, type Case } from "./steps/cases.ts";
import type { Harm } from "./steps/play.ts";

/** The hand-over is over before the heir and the home have written so often. */
const WRITES = 26;

function each(who: Harm["who"], stillMs: number, step: number): Case[] {
  return Array.from({ length: Math.ceil(WRITES / step) }, (_, at) => ({ seed: at, harms: [{ who, write: at * step, stillMs }] }));
}

const KILLED = Infinity;

const cases: Readonly<Record<string, readonly Case[]>> = {
  "the heir is killed": each("heir", KILLED, 1),
  "the home is killed": each("home", KILLED, 2),
  "another node is killed": each("third", KILLED, 3),
  "the heir stands still for so long that only some take it for dead": each("heir", 3500, 3),
  "the heir stands still": each("heir", 5500, 3),
  "the home stands still": each("home", 5500, 3),
  "another node stands still": each("third", 5500, 6),
  "two nodes come to harm": [...pairs({ seed: 7, writes: WRITES, count: 6 })],
};

for (const [when, list] of Object.entries(cases)) {
  it(`neither loses, doubles nor contradicts anything when ${when}, at any write`, async () => {
    let harmed = 0;
    for (const one of list) {
      const outcome = await judgeCase(one);
      harmed += outcome.harmed;
      expect({ ...one, faults: outcome.faults }).toEqual({ ...one, faults: [] });
    }
    expect(harmed).toBeGreaterThan(list.length / 2);
  }, 60_000);
}

it("goes on with the same epochs where nothing happens, in any order of events", async () => {
  for (let seed = 100; seed < 110; seed++) expect(await judgeCase({ seed, harms: [] })).toEqual({ faults: [], harmed: 0, told: 0, begunAnew: 0 });
}, 60_000);
