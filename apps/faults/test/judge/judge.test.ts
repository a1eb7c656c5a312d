import { describe, expect, it } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { Heard, Listener, Outcome, Published } from "../../src/judge/log.ts";
import type { Verdict } from "../../src/judge/verdict.ts";

const TOPIC = "log:tea";
const EPOCH = "epoch-1234";

function published(count: number, outcomes: Readonly<Record<number, Outcome>> = {}, publisher = "anna"): Published[] {
  return Array.from({ length: count }, (_, index) => {
    const n = index + 1;
    return { topic: TOPIC, publisher, n, at: 1000 + n, outcome: outcomes[n] ?? "acknowledged", offset: n };
  });
}

const message = (n: number, publisher = "anna"): Heard => ({ kind: "message", at: 1000 + n, publisher, n });
const placed = (n: number, offset: number, epoch = EPOCH): Heard => ({ kind: "message", at: 1000 + n, publisher: "anna", n, epoch, offset });
const gap = (at: number, missed?: number): Heard => ({ kind: "gap", at, reason: "lost", ...(missed !== undefined && { missed }) });
const listener = (...heard: Heard[]): Listener => ({ id: "one", topic: TOPIC, heard });

/** Everything that the judge finds wrong. */
function faultsOf(publications: readonly Published[], listeners: readonly Listener[], healedAt = 0): Partial<Verdict> {
  const {
    acknowledged: _a,
    localOnly: _l,
    rejected: _r,
    unanswered: _u,
    heard: _h,
    gaps: _g,
    silenceMs: _s,
    stoppedMs: _t,
    ...faults
  } = judge({
    published: publications,
    listeners,
    hurtAt: 0,
    healedAt,
  });
  return Object.fromEntries(Object.entries(faults).filter(([, value]) => value !== 0));
}

describe("the judge", () => {
  it("finds nothing wrong where everything came once and in order", () => {
    expect(faultsOf(published(3), [listener(placed(1, 1), placed(2, 2), placed(3, 3))])).toEqual({});
  });

  it("counts what the publishers were told", () => {
    const outcomes = { 1: "local-only", 2: "rejected", 3: "unanswered" } as const;
    expect(judge({ published: published(4, outcomes), listeners: [], hurtAt: 0, healedAt: 0 })).toMatchObject({
      acknowledged: 1,
      localOnly: 1,
      rejected: 1,
      unanswered: 1,
    });
  });

  it.each([
    ["in the middle", [message(1), message(3)]],
    ["at the beginning", [message(2), message(3)]],
    ["at the end", [message(1), message(2)]],
  ])("finds an acknowledged publication that is lost %s, and of which nothing is told", (_where, heard) => {
    expect(faultsOf(published(3), [listener(...heard)])).toEqual({ lost: 1, untold: 1 });
  });

  it("counts a loss for each listener that lacks it", () => {
    expect(faultsOf(published(1), [listener(), listener(), listener(message(1))])).toEqual({ lost: 2, untold: 2 });
  });

  it.each(["local-only", "rejected", "unanswered"] as const)("takes what is missing for no loss when its publisher was told %s", (outcome) => {
    expect(faultsOf(published(3, { 2: outcome }), [listener(message(1), message(3))])).toEqual({});
  });

  it("takes a gap that stands where the loss is for told, and says how late", () => {
    expect(faultsOf(published(3), [listener(message(1), gap(1500), message(3))])).toEqual({ lost: 1, toldLateMs: 498 });
    expect(faultsOf(published(3), [listener(message(1), message(2), gap(1503))])).toEqual({ lost: 1, toldLateMs: 500 });
  });

  it("counts lateness from the end of the fault when that is later", () => {
    expect(faultsOf(published(3), [listener(message(1), gap(1500), message(3))], 1400)).toEqual({ lost: 1, toldLateMs: 100 });
  });

  it("does not take a gap elsewhere for that, and calls it needless", () => {
    expect(faultsOf(published(4), [listener(message(1), gap(1500), message(2), message(4))])).toEqual({ lost: 1, untold: 1, needless: 1 });
  });

  it("judges publishers apart: a gap behind the one is no gap behind the other", () => {
    const both = [...published(2), ...published(3, {}, "ben")];
    const heard = [message(1), message(1, "ben"), gap(1500), message(2), message(3, "ben")];
    expect(faultsOf(both, [listener(...heard)])).toEqual({ lost: 1, toldLateMs: 498 });
    expect(faultsOf(both, [listener(message(1, "ben"), message(3, "ben"), gap(1500), message(1), message(2))])).toMatchObject({
      lost: 1,
      untold: 1,
      needless: 1,
    });
  });

  it("finds a gap that says more than is missing", () => {
    expect(faultsOf(published(5), [listener(message(1), gap(1500, 3), message(5))])).toMatchObject({ lost: 3 });
    expect(faultsOf(published(5), [listener(message(1), gap(1500, 4), message(5))])).toMatchObject({ overstated: 1 });
  });

  it("takes a gap for true when what is missing was rejected: its receiver cannot know that", () => {
    expect(faultsOf(published(3, { 2: "rejected" }), [listener(message(1), gap(1500), message(3))])).toEqual({});
  });

  it("finds a double, and tells one that stands behind a gap from it", () => {
    expect(faultsOf(published(2), [listener(message(1), message(2), message(1))])).toEqual({ doubled: 1 });
    expect(faultsOf(published(3), [listener(message(1), message(2), gap(1500), message(2))])).toMatchObject({ repeated: 1, lost: 1 });
  });

  it("finds an inversion, which is no loss", () => {
    expect(faultsOf(published(3), [listener(message(1), message(3), message(2))])).toEqual({ inverted: 1 });
  });

  it("lets publishers overtake each other", () => {
    expect(faultsOf([...published(1), ...published(1, {}, "ben")], [listener(message(1), message(1, "ben")), listener(message(1, "ben"), message(1))])).toEqual(
      {},
    );
  });

  it("finds a position that two publications have, also in the logs of two listeners", () => {
    expect(faultsOf(published(2), [listener(placed(1, 1), placed(2, 2)), listener(placed(2, 1))])).toMatchObject({ contradictions: 1 });
  });

  it("finds a position that does not grow", () => {
    expect(faultsOf(published(2), [listener(placed(1, 2), placed(2, 1))])).toMatchObject({ contradictions: 1 });
  });

  it("finds an acknowledgement with another offset than the publication has", () => {
    expect(faultsOf(published(1), [listener(placed(1, 7))])).toEqual({ misplaced: 1 });
  });

  it("measures the longest silence, and what of it lies in the fault", () => {
    const late: Heard = { kind: "message", at: 5000, publisher: "anna", n: 2 };
    expect(judge({ published: published(2), listeners: [listener(message(1), late)], hurtAt: 2000, healedAt: 4500 })).toMatchObject({
      silenceMs: 3999,
      stoppedMs: 2500,
    });
  });
});
