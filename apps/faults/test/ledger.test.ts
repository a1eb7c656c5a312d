import { expect, it } from "vitest";
import { Ledger } from "../src/ledger.ts";

const begun = (publisher: string, from: number, to: number) => ({ kind: "begun", topic: "log:0", publisher, from, to, at: 5 }) as const;
const settled = (publisher: string, n: number, outcome: "acknowledged" | "rejected", why?: string) =>
  ({ kind: "settled", settled: [{ topic: "log:0", publisher, n, outcome, ...(why !== undefined && { why }) }] }) as const;

it("keeps a publish that its process never told the end of", () => {
  const ledger = new Ledger();
  ledger.note(begun("anna", 1, 2));
  ledger.note(settled("anna", 1, "acknowledged"));
  expect(ledger.published()).toEqual([
    { topic: "log:0", publisher: "anna", n: 1, at: 5, outcome: "acknowledged" },
    { topic: "log:0", publisher: "anna", n: 2, at: 5, outcome: "unanswered" },
  ]);
  expect(ledger.acknowledged).toBe(1);
});

it("expects of every listener the last that was acknowledged, by publisher", () => {
  const ledger = new Ledger();
  for (const publisher of ["anna", "ben"]) ledger.note(begun(publisher, 1, 3));
  ledger.note(settled("anna", 2, "acknowledged"));
  ledger.note(settled("anna", 3, "rejected", "unavailable"));
  expect(ledger.expected()).toEqual({ "log:0": { anna: 2, ben: 0 } });
  expect([...ledger.reasons]).toEqual([["unavailable", 1]]);
});
