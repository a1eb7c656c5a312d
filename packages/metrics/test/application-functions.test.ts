import { channel } from "node:diagnostics_channel";
import { memoryBroker } from "@upwire/cluster/broker";
import { createHub } from "@upwire/core";
import type { FunctionFault } from "@upwire/testing";
import { expect } from "vitest";
import { playFunctionTable, type FunctionRow } from "../../core/test/helpers/function-table.ts";
import { createMetrics, type BrokerSource, type MetricsOptions } from "../src/index.ts";
import { valueOf } from "./helpers/exposition.ts";

const ofCore = "not: of core, and played there";

/** What the types show and the tests here play. */
const rows: Readonly<Record<string, FunctionRow>> = {
  "BrokerSource.nodes": (fault, run) => sourceRow(fault, { nodes: run }, "nodes"),
  "BrokerSource.state": (fault, run) => sourceRow(fault, { state: run }, "state"),
  "Connection.offClose(listener)": ofCore,
  "Connection.onClose(listener)": ofCore,
  "Deflate.compress": ofCore,
  "SendOptions.missed": ofCore,
  "MetricsOptions.clock": "not: its members are rows",
  "SourceOptions.brokers": "not: its members are rows",
  "MetricsOptions.onError": async (_fault, run) => {
    const metrics = createMetrics({ eventLoopDelay: false, brokers: { bad: brokerWith({ state: thrown }) }, onError: run });
    expect(valueOf(metrics.text(), "upwire_process_failed_reads_total", { source: "broker", name: "bad" })).toBe(1);
    metrics.stop();
  },
  "Clock.now": (_fault, run) => clockRow({ now: run }),
  "Clock.after": (_fault, run) => clockRow({ after: run }),
  "Clock.every": (_fault, run) => clockRow({ every: run }),
};

function thrown(): never {
  throw new Error("a fault of the application");
}

function brokerWith(broken: object): BrokerSource {
  const broker = memoryBroker();
  const source = { node: broker.node, capabilities: broker.capabilities, state: () => broker.state(), nodes: () => broker.nodes(), stats: broker.stats };
  return { ...source, ...broken };
}

/** The samples of a source that fails are missing; those of the others are there, and the process goes on. */
async function sourceRow(fault: FunctionFault, broken: object, what: string): Promise<void> {
  const errors: unknown[] = [];
  const onError: MetricsOptions["onError"] = (error) => void errors.push(error);
  const metrics = createMetrics({ eventLoopDelay: false, brokers: { bad: brokerWith(broken), good: memoryBroker() }, hubs: { chat: createHub() }, onError });
  const text = metrics.text();
  expect([what, valueOf(text, "upwire_hub_rooms", { hub: "chat" })]).toEqual([what, 0]);
  expect(valueOf(text, "upwire_broker_published_messages_total", { broker: "bad" })).toBe(0);
  expect(typeof metrics.readiness().ready).toBe("boolean");
  // A state of junk is none of the three, which is told by three zeros.
  const isTold = fault !== "returns junk" || what === "nodes";
  expect([fault, errors.length]).toEqual([fault, isTold ? 1 : 0]);
  metrics.stop();
}

/** The delay cannot be measured then, and all else is. */
async function clockRow(broken: object): Promise<void> {
  const nothing = { cancel: () => {} };
  const clock = { now: () => performance.now(), after: () => nothing, every: () => nothing, ...broken };
  const faults: unknown[] = [];
  const note = (event: unknown): void => void faults.push(event);
  channel("upwire:error").subscribe(note);
  const metrics = createMetrics({ clock, hubs: { chat: createHub() } });
  expect(valueOf(metrics.text(), "upwire_hub_rooms", { hub: "chat" })).toBe(0);
  metrics.stop();
  channel("upwire:error").unsubscribe(note);
}

const scope = { packages: ["protocol", "core", "metrics"], entries: ["metrics/src/index.ts"] };
playFunctionTable({ subject: "the metrics", rows, unseen: {}, scope });
