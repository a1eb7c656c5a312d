import { FakeClock } from "@upwire/testing";
import { expect, it } from "vitest";
import { guardedSink } from "../src/guarded-sink.ts";
import { Reports } from "../src/reports.ts";

const fault = new Error("of the application");
const wrong = [
  () => {
    throw fault;
  },
  () => Promise.reject(fault),
];

it.each(wrong)("an onError that fails ends nothing (%#)", async (onError) => {
  new Reports(new FakeClock(), onError).report(new Error("lost"));
  await new Promise((resolve) => setImmediate(resolve));
});

it.each(wrong)("what a sink throws or rejects with is reported (%#)", async (fails) => {
  const reports: Error[] = [];
  const sink = guardedSink({ message: fails, top: fails, gap: fails, state: fails, told: fails, nodes: fails }, (error) => void reports.push(error));
  sink.message("a", { data: "x", position: undefined, origin: undefined });
  sink.top("a", { epoch: "epoch-of-it", offset: 1 });
  sink.gap("a");
  sink.state("up");
  sink.told("node-one", new Uint8Array());
  sink.nodes([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(reports).toEqual(Array(6).fill(fault));
});
