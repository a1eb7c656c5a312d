import { describe, expect, it } from "vitest";
import { Witness, type Testimony } from "../../src/restart/witness.ts";

const LIFE = "first";

/** One who has subscribed and was told these numbers. */
function witnessOf(...numbers: readonly number[]): Witness {
  const witness = new Witness();
  witness.subscribed({ resumed: false, missed: 0 });
  for (const n of numbers) witness.message({ life: LIFE, n });
  return witness;
}

function faultsOf({ testimony: { lost, doubled } }: Witness): Pick<Testimony, "lost" | "doubled"> {
  return { lost, doubled };
}

describe("a witness of a subscription", () => {
  it("finds nothing wrong with numbers that follow each other, wherever they begin", () => {
    const witness = witnessOf(7, 8, 9);
    expect(faultsOf(witness)).toEqual({ lost: 0, doubled: 0 });
    expect(witness.at).toEqual({ life: LIFE, n: 9 });
  });

  it("counts what was skipped, and what came again", () => {
    expect(faultsOf(witnessOf(7, 8, 11))).toEqual({ lost: 2, doubled: 0 });
    expect(faultsOf(witnessOf(7, 8, 8, 7, 9))).toEqual({ lost: 0, doubled: 2 });
  });

  it("lets a gap that was told be, but not what comes again behind it", () => {
    const witness = witnessOf(7);
    witness.gap();
    witness.message({ life: LIFE, n: 20 });
    witness.gap();
    witness.message({ life: LIFE, n: 20 });
    expect(faultsOf(witness)).toEqual({ lost: 0, doubled: 1 });
    expect(witness.testimony.gaps).toBe(2);
  });

  it("counts a server that began anew without a word as a loss", () => {
    const witness = witnessOf(7);
    witness.message({ life: "second", n: 1 });
    expect(faultsOf(witness)).toEqual({ lost: 1, doubled: 0 });
  });

  it("goes on from a state, which may be ahead of what follows it", () => {
    const witness = witnessOf();
    witness.state({ life: LIFE, n: 5 });
    for (const n of [4, 5, 6]) witness.message({ life: LIFE, n });
    expect(faultsOf(witness)).toEqual({ lost: 0, doubled: 0 });
    const other = witnessOf();
    other.state({ life: LIFE, n: 5 });
    other.message({ life: LIFE, n: 7 });
    expect(faultsOf(other)).toEqual({ lost: 1, doubled: 0 });
  });

  it("counts returns by what the subscription said, without the first one", () => {
    const witness = witnessOf(1);
    witness.subscribed({ resumed: true, missed: 3 });
    witness.subscribed({ resumed: false, missed: 0 });
    expect(witness.testimony).toMatchObject({ resumed: 1, notResumed: 1, caughtUp: 3 });
  });
});
