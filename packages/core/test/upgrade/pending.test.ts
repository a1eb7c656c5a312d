import { expect, it } from "vitest";
import { PendingHandshakes, type PendingHandshake } from "../../src/upgrade/pending-handshakes.ts";
import { FakeClock } from "../helpers/fake-clock.ts";

const START = 1000;

interface Started {
  readonly clock: FakeClock;
  readonly pending: PendingHandshakes;
  readonly expired: string[];
  readonly add: (name: string, ms: number) => PendingHandshake;
}

function started(): Started {
  const clock = new FakeClock();
  const pending = new PendingHandshakes(clock);
  const expired: string[] = [];
  const add = (name: string, ms: number): PendingHandshake => {
    const expire = (): void => void expired.push(`${name} at ${clock.now() - START}`);
    const handshake = { deadline: clock.now() + ms, expire, abort: (): void => {} };
    pending.add(handshake);
    return handshake;
  };
  return { clock, pending, expired, add };
}

it("gives up each handshake at its own time, at most 10 ms late, with one timer for all", () => {
  const { clock, expired, add } = started();
  add("long", 5000);
  add("short", 100);
  add("next", 103);
  add("other", 400);
  expect(clock.pending).toBe(1);
  clock.advance(10_000);
  expect(expired).toEqual(["short at 100", "next at 110", "other at 400", "long at 5000"]);
  expect(clock.pending).toBe(0);
});

it("moves a deadline both ways, and forgets it when the handshake is over", () => {
  const { clock, pending, expired, add } = started();
  const [sooner, later, over] = [add("sooner", 1000), add("later", 1000), add("over", 1000)];
  pending.move(sooner, START + 50);
  pending.move(later, START + 2000);
  pending.delete(over);
  pending.move(over, START + 20);
  clock.advance(10_000);
  expect(expired).toEqual(["sooner at 50", "later at 2000"]);
});

it("takes up a handshake that comes while others expire", () => {
  const { clock, pending, expired, add } = started();
  const first = add("first", 100);
  first.expire = () => void add("second", 30);
  clock.advance(129);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect([expired, pending.size]).toEqual([["second at 130"], 2]);
});

it("keeps no timer when the last one is over and the server ends", async () => {
  const { clock, pending, add } = started();
  const last = add("last", 1000);
  const over = pending.over();
  pending.delete(last);
  await over;
  expect(clock.pending).toBe(0);
});

it("gives up thousands in slices", () => {
  const { clock, expired, add } = started();
  for (let i = 0; i < 250; i++) add("one", 100);
  clock.advance(100);
  expect(expired).toHaveLength(100);
  clock.advance(10);
  expect(expired).toHaveLength(200);
  clock.advance(10);
  expect(expired).toHaveLength(250);
});
