import { FakeClock } from "@upwire/testing";
import { expect, it } from "vitest";
import { guardedSink } from "../src/guarded-sink.ts";
import { Reports } from "../src/reports.ts";

const fault = new Error("of the application");
const wrong: readonly (() => never)[] = [
  () => {
    throw fault;
  },
  // What an `async` function of a plain script does.
  () => Promise.reject(fault) as never,
];
const functions = ["message", "top", "gap", "state", "told", "nodes"] as const;

it.each(wrong)("an onError that fails ends nothing (%#)", async (fails) => {
  new Reports(new FakeClock(), () => fails()).report(new Error("lost"));
  await new Promise((resolve) => setImmediate(resolve));
});

it.each(wrong)("what a sink throws or rejects with is reported (%#)", async (fails) => {
  const reports: Error[] = [];
  const sink = guardedSink({ message: fails, top: fails, gap: fails, state: fails, told: fails, nodes: fails }, (error) => void reports.push(error));
  for (const name of functions) (sink[name] as () => void)();
  await new Promise((resolve) => setImmediate(resolve));
  expect(reports).toEqual(functions.map(() => fault));
});
