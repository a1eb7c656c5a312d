import { expect, it } from "vitest";
import { CastWindow } from "../../src/casts/cast-window.ts";
import { PendingCast } from "../../src/casts/pending-cast.ts";

/** Numbers that look random, and are the same each time. */
function* randoms(seed: number): Generator<number, never> {
  for (let state = seed; ;) yield (state = (state * 48271) % 2147483647);
}

it.each([1, 2])("holds what a map would hold, in any order of calls (seed %i)", (seed) => {
  const first = 1000 * seed;
  const window = new CastWindow(first);
  const model = new Map<number, PendingCast>();
  const random = randoms(seed);
  let next = first;
  for (let step = 0; step < 6000; step++) {
    const dice = random.next().value % 100;
    // Now and then one waits for long, and all others go.
    const at = random.next().value % (model.size + 1);
    if (dice < 45) {
      const cast = new PendingCast("a", next, 0, () => {});
      window.add(cast);
      model.set(next++, cast);
    } else if (dice < 50) {
      window.skip();
      next++;
    } else if (dice < 95 || step < 4500) {
      const [oldest, second] = model.values();
      const cast = at === 0 ? oldest : second;
      if (cast === undefined) continue;
      window.delete(cast);
      window.delete(cast);
      model.delete(cast.number);
      expect(window.has(cast)).toBe(false);
    } else {
      const [from, count] = [next - at * 2, 2 * at];
      const seen: number[] = [];
      window.forRun(from, count, (cast) => void seen.push(cast.number));
      expect(seen).toEqual([...model.keys()].filter((number) => number >= from && number < from + count));
    }
    if (step % 500 > 0) continue;
    expect([window.size, window.next]).toEqual([model.size, next]);
    const all: PendingCast[] = [];
    window.forEach((cast) => all.push(cast) > 0);
    expect(all).toEqual([...model.values()]);
    expect(all.every((cast) => window.has(cast))).toBe(true);
  }
  // A run that cannot be meant is over at once, and what is told may take casts out.
  window.forRun(0, Number.MAX_SAFE_INTEGER, (cast) => window.delete(cast));
  expect(window.size).toBe(0);
});
