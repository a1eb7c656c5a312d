// No function that an application gives ends the process, or keeps the rest from being read.
import { memoryBroker } from "@upwire/cluster/broker";
import { createHub } from "@upwire/core";
import { expect } from "vitest";
import { playFunctionTable, type FunctionRow } from "../../core/test/helpers/function-table.ts";
import { createMetrics, type MetricsOptions } from "../src/index.ts";

const ofCore = "not: of core, and played there";
const members = "not: its members are rows";

/** Reads everything with options that have something wrong: what is not wrong is there. */
function readWith(options: MetricsOptions): { readonly text: string; readonly ready: boolean; readonly reasons: readonly string[] } {
  const metrics = createMetrics({ eventLoopDelay: false, onError: () => {}, hubs: { chat: createHub() }, ...options });
  const text = metrics.text();
  const readiness = metrics.readiness();
  metrics.stop();
  expect(text).toContain('upwire_hub_connections{hub="chat"} 0');
  return { text, ...readiness };
}

function brokerWith(changed: object): NonNullable<MetricsOptions["brokers"]> {
  const { node, capabilities, stats } = memoryBroker();
  return { it: { node, capabilities, stats, state: () => "up", nodes: () => [], ...changed } };
}

const unreadable = (): MetricsOptions => ({
  hubs: {
    chat: createHub(),
    broken: {
      get stats(): never {
        throw new Error("no stats");
      },
    },
  },
});

const rows: Readonly<Record<string, FunctionRow>> = {
  "BrokerSource.state": async (fault, run) => {
    const { text, ready, reasons } = readWith({ brokers: brokerWith({ state: run }) });
    expect([fault, ready, reasons]).toEqual([fault, false, ["broker it cannot be asked"]]);
    expect(text).toContain('upwire_broker_nodes{broker="it"} 0');
    expect(text).not.toContain("upwire_broker_state{");
  },
  "BrokerSource.nodes": async (fault, run) => {
    const { text, ready } = readWith({ brokers: brokerWith({ nodes: run }) });
    expect([fault, ready]).toEqual([fault, true]);
    expect(text).toContain('upwire_broker_state{broker="it",state="up"} 1');
    expect(text).not.toContain("upwire_broker_nodes{");
  },
  "MetricsOptions.onError": async (_fault, run) => {
    const { text } = readWith({ ...unreadable(), onError: run });
    expect(text).toContain('upwire_process_failed_reads_total{source="hub",name="broken"} 1');
  },
  "Clock.now": async (_fault, run) => void readWith({ eventLoopDelay: true, clock: clockWith({ now: run }) }),
  "Clock.after": async (_fault, run) => void readWith({ eventLoopDelay: true, clock: clockWith({ after: run }) }),
  "Clock.every": async (_fault, run) => void readWith({ eventLoopDelay: true, clock: clockWith({ every: run }) }),
  "MetricsOptions.clock": members,
  "SourceOptions.brokers": members,
  "SendOptions.missed": ofCore,
  "Connection.offClose(listener)": ofCore,
  "Connection.onClose(listener)": ofCore,
  "Deflate.compress": ofCore,
};

function clockWith(broken: object): NonNullable<MetricsOptions["clock"]> {
  const nothing = { cancel: () => {} };
  return { now: () => performance.now(), after: () => nothing, every: () => nothing, ...broken };
}

const unseen: typeof rows = {
  "stats that give a promise in place of a count": async (fault, run) => {
    const { stats } = memoryBroker();
    let promise: unknown;
    try {
      promise = run();
    } catch {
      promise = undefined;
    }
    const { text } = readWith({ brokers: brokerWith({ stats: { ...stats, published: promise } }) });
    expect([fault, text.includes("upwire_broker_published_messages_total{")]).toEqual([fault, fault === "returns junk"]);
  },
};

playFunctionTable({ subject: "the metrics", rows, unseen, scope: { packages: ["protocol", "core", "metrics"], entries: ["metrics/src/index.ts"] } });
