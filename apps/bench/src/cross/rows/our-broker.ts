import type { Broker, BrokerSink, HistoryBounds } from "@upwire/cluster/broker";
import { meshBroker } from "@upwire/cluster/mesh";
import { redisBroker } from "@upwire/redis";
import { nothing, TOPIC, type CrossRow, type CrossSetup } from "../row.ts";

/** What a topic keeps where a row has history. */
export const HISTORY: HistoryBounds = { messages: 1000, bytes: 1024 * 1024, ageMs: 300_000 };

export type Through = "redis" | "mesh";

export function brokerOf(through: Through, { url, folder }: CrossSetup): Broker {
  return through === "redis" ? redisBroker({ url }) : meshBroker({ folder });
}

/** The broker alone: no connections. */
function ourBroker(label: string, through: Through, history?: HistoryBounds): CrossRow {
  const options = history === undefined ? {} : { history };
  return {
    label,
    kind: "upwire",
    through,
    async start(setup, onText) {
      const broker = brokerOf(through, setup);
      await broker.start(sinkFor(onText));
      const stop = (): Promise<void> => broker.close();
      if (setup.role === "publisher") return { publish: (text) => broker.publish(setup.topic, text, options), stop };
      await broker.subscribe(TOPIC, options);
      return { publish: nothing, stop };
    },
  };
}

function sinkFor(onText: (text: string) => void): BrokerSink {
  return {
    message: (_topic, { data }) => onText(typeof data === "string" ? data : Buffer.from(data).toString("latin1")),
    top() {},
    gap() {},
    state() {},
    told() {},
    nodes() {},
  };
}

export const redis: CrossRow = ourBroker("redisBroker", "redis");
export const redisHistory: CrossRow = ourBroker("redisBroker, with history", "redis", HISTORY);
export const mesh: CrossRow = ourBroker("meshBroker", "mesh");
export const meshHistory: CrossRow = ourBroker("meshBroker, with history", "mesh", HISTORY);
