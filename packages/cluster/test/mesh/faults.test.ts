// The short form of `node packages/cluster/test/mesh/rounds.mjs --rounds 20`: what happens to real processes.
import { beforeAll, describe, expect, it } from "vitest";
import { bundlePrograms } from "./programs.mjs";
import { isClean, NOTHING } from "./rounds/judge.ts";
import { lossOf } from "./rounds/loss.ts";
import { playRound, type Kind } from "./rounds/round.ts";

let program: string;
beforeAll(async () => {
  const { pathOf, remove } = await bundlePrograms({ node: "rounds/node.ts" });
  program = pathOf("node");
  return remove;
});

const play = (kind: Kind) => playRound({ kind, program, nodes: 3, perSecond: 300, below: (limit) => Math.floor(limit / 2) });

// Beside each other: one of them mostly waits for a process that is stopped.
describe.concurrent("three nodes that publish to, and follow, topics with and without history", () => {
  it("lose nothing when the home closes, nor when another node is killed", async ({ expect: check }) => {
    const drained = await play("drain the home");
    check(drained).toMatchObject({ lostAndTold: 0, lost: 0, doubled: 0, inverted: 0, untold: 0, overtold: 0, waiting: 0, rejected: 0, begunAnew: 0 });
    check(drained.acknowledged).toBeGreaterThan(50);
    const killed = await play("kill a node");
    check(killed).toMatchObject({ lostAndTold: 0, lost: 0, doubled: 0, inverted: 0, untold: 0, overtold: 0, waiting: 0, rejected: 0, begunAnew: 0 });
  }, 40_000);

  it("get all that was acknowledged, and are told that the topics begin anew, when the home is killed", async ({ expect: check }) => {
    const killed = await play("kill the home");
    check(isClean(killed)).toBe(true);
    check(killed.lostAndTold).toBe(0);
    // Two nodes are left, and follow four topics each.
    check(killed.begunAnew).toBe(8);
  }, 40_000);

  it("go on when the process of the home stands still, and take it back", async ({ expect: check }) => {
    const stopped = await play("stop the home");
    check({ ...stopped, acknowledged: 0, rejected: 0, begunAnew: 0 }).toEqual(NOTHING);
    check(stopped.rejected).toBeGreaterThan(0);
  }, 40_000);
});

it("a verdict with any fault is not clean", () => {
  const clean = { acknowledged: 10, rejected: 1, begunAnew: 1, lostAndTold: 1, lost: 0, doubled: 0, inverted: 0, untold: 0, overtold: 0, waiting: 0 };
  expect(isClean(clean)).toBe(true);
  for (const fault of ["lost", "doubled", "inverted", "untold", "overtold", "waiting"]) expect(isClean({ ...clean, [fault]: 1 })).toBe(false);
});

describe("what is missing in the log of a node", () => {
  // The topic began anew when two had come.
  const log = { came: ["0:1", "1:1", "0:4", "1:2"], anew: [2] };

  it("is told where the topic has begun anew between what came before and after it", () => {
    expect(["0:2", "0:3"].map((name) => lossOf(name, log))).toEqual(["told", "told"]);
    expect(["2:1", "1:0"].map((name) => lossOf(name, { ...log, anew: [0] }))).toEqual(["told", "told"]);
  });

  it("is not told where it has begun anew elsewhere, or not at all", () => {
    expect(["0:5", "1:3", "1:0"].map((name) => lossOf(name, log))).toEqual(["untold", "untold", "untold"]);
    expect(lossOf("0:2", { ...log, anew: [] })).toBe("untold");
    expect(lossOf("0:4", log)).toBe("none");
  });
});
