import type { AttachmentSource, BrokerSource, ClusterHubSource, HubSource, Named, RealtimeSource, UpgraderSource } from "./sources.ts";
import { brokerRows } from "./tables/brokers.ts";
import { connectionRows } from "./tables/connections.ts";
import { clusterHubRows, hubRows } from "./tables/hubs.ts";
import type { Reading } from "./tables/reading.ts";
import { realtimeRows } from "./tables/realtimes.ts";
import type { Row } from "./tables/row.ts";
import { unfit } from "./unfit.ts";

/** What is watched, by names that become labels. All of it is read when something asks, and never on the way of a message. */
export interface SourceOptions {
  /** What `attach` returns: all routes of a server. Readiness looks at it too. */
  readonly attachments?: Named<AttachmentSource>;
  /** Each `new Upgrader(…)` that is to be seen apart; an attachment has the sum of them. */
  readonly upgraders?: Named<UpgraderSource>;
  /** What `createHub` returns. */
  readonly hubs?: Named<HubSource>;
  /** What `createClusterHub` returns. */
  readonly clusterHubs?: Named<ClusterHubSource>;
  /** What `createRealtime` returns. */
  readonly realtimes?: Named<RealtimeSource>;
  /** Brokers; for those of `shareBroker` the shared one. Readiness looks at it too. */
  readonly brokers?: Named<BrokerSource>;
}

/** One kind of source. */
export interface SourceKind {
  readonly option: keyof SourceOptions;
  /** The label that has the name of the source. The names of its metrics begin with `upwire.` and this. */
  readonly label: string;
  /** Where an application gets one, for the text of an error. */
  readonly right: string;
  /** Whether `source` is one. Never throws: one that cannot be read now may be one. */
  readonly fits: (source: unknown) => boolean;
  /** What is read of it. @param closureCodes Of the options. */
  readonly rows: (closureCodes: readonly string[]) => readonly Row<Reading<never>>[];
}

/** @throws what looking at it throws, and TypeError for what is no yes or no. */
export function isClosing(source: AttachmentSource): boolean {
  const is: unknown = source.isClosing;
  if (typeof is !== "boolean") throw unfit("isClosing", is, "answer", "true or false");
  return is;
}

const isDraining: Row<Reading<AttachmentSource>> = {
  name: "draining",
  type: "gauge",
  unit: "1",
  help: "1 from close or shutdown on, until the server listens again, else 0.",
  read: ({ source }) => Number(isClosing(source)),
};

export const sourceKinds: readonly SourceKind[] = [
  {
    option: "attachments",
    label: "attachment",
    right: "what attach(server) returns",
    fits: (source) => has(source, "isClosing") && hasStats(source, "opened"),
    rows: (closureCodes) => [isDraining, ...connectionRows(closureCodes)],
  },
  { option: "upgraders", label: "upgrader", right: "a new Upgrader(…)", fits: (source) => hasStats(source, "opened"), rows: connectionRows },
  { option: "hubs", label: "hub", right: "what createHub() returns", fits: (source) => hasStats(source, "rooms"), rows: () => hubRows },
  {
    option: "clusterHubs",
    label: "cluster_hub",
    right: "what createClusterHub(hub, broker) returns",
    fits: (source) => hasStats(source, "incomplete"),
    rows: () => clusterHubRows,
  },
  { option: "realtimes", label: "realtime", right: "what createRealtime(…) returns", fits: (source) => hasStats(source, "inFlight"), rows: () => realtimeRows },
  {
    option: "brokers",
    label: "broker",
    right: "a Broker, such as memoryBroker() makes",
    fits: (source) => has(source, "state") && has(source, "nodes") && hasStats(source, "published"),
    rows: () => brokerRows,
  },
];

function has(source: unknown, name: string): source is object {
  if (typeof source !== "object" || source === null) return false;
  try {
    return name in source;
  } catch {
    return true;
  }
}

/** Whether its stats have `count`. Stats that throw are a fault of the moment, which is told when they are read. */
function hasStats(source: unknown, count: string): boolean {
  if (!has(source, "stats")) return false;
  try {
    return has((source as { readonly stats: unknown }).stats, count);
  } catch {
    return true;
  }
}
