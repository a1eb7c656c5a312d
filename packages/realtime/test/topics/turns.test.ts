import { expect, it } from "vitest";
import { RUNS_PER_TURN, Turns } from "../../src/topics/turns.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("lets a few go on in each turn, in order, none before a whole turn has passed", async () => {
  const turns = new Turns();
  const ran: number[] = [];
  for (let at = 0; at < 100; at++) turns.add({ run: () => void ran.push(at) });
  await turn();
  expect(ran).toEqual([]);
  for (let least = RUNS_PER_TURN; least < 100; least += RUNS_PER_TURN) {
    await turn();
    expect(ran).toHaveLength(least);
  }
  await turn();
  expect(ran).toEqual(Array.from({ length: 100 }, (_, at) => at));
});

it("what is added while others wait, waits a whole turn too", async () => {
  const turns = new Turns();
  const ran: string[] = [];
  turns.add({ run: () => void ran.push("first") });
  await turn();
  turns.add({ run: () => void ran.push("second") });
  await turn();
  expect(ran).toEqual(["first"]);
  await turn();
  expect(ran).toEqual(["first", "second"]);
});

it("of many that can go on at once, the first do", async () => {
  const turns = new Turns();
  const ran: number[] = [];
  turns.runAll(Array.from({ length: 40 }, (_, at) => ({ run: () => void ran.push(at) })));
  expect(ran).toHaveLength(RUNS_PER_TURN);
  await turn();
  await turn();
  expect(ran).toEqual(Array.from({ length: 40 }, (_, at) => at));
});
