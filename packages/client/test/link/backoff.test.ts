import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/link/backoff.ts";

describe("the back-off", () => {
  it.each<readonly [failures: number, spreadMs: number, least: number, most: number]>([
    [0, 0, 250, 250],
    [0, 4000, 250, 5250],
    [1, 0, 750, 1000],
    [2, 0, 1500, 2000],
    [4, 0, 6000, 8000],
    [5, 0, 6000, 8000],
    [5000, 0, 6000, 8000],
    [1, 4000, 6000, 8000],
    [9, 4000, 6000, 8000],
    [1, 1000, 1500, 2000],
    [9, 60_000, 90_000, 120_000],
  ])("after %i failures with a spread of %i ms is from %i to %i ms", (failures, spreadMs, least, most) => {
    expect([backoffMs(failures, spreadMs, 0), backoffMs(failures, spreadMs, 1)]).toEqual([least, most]);
  });
});
