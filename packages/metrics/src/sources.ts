import type { Stats } from "@upwire/core";
import type { HubStats } from "@upwire/core/adapter";

// What is read of each source. Shapes, and not the classes: so an application needs none of the packages that it does not use.

/** What `attach` returns. */
export interface AttachmentSource {
  /** True from `close` or `shutdown` on: then the process is not ready. */
  readonly isClosing: boolean;
  readonly stats: Stats;
}

/** `new Upgrader(…)`. */
export interface UpgraderSource {
  readonly stats: Stats;
}

/** What `createHub` returns. */
export interface HubSource {
  readonly stats: HubStats;
}

/** What `createClusterHub` of `@upwire/cluster` returns. */
export interface ClusterHubSource {
  readonly stats: Readonly<Record<"pending" | "asking" | "addresses" | "incomplete" | "refused" | "malformed", number>>;
}

/** What `createRealtime` of `@upwire/realtime` returns. */
export interface RealtimeSource {
  readonly stats: Readonly<Record<"connections" | "plainConnections" | "users" | "inFlight" | "remembered", number>> & {
    readonly topics: Readonly<Record<"resumed" | "notResumed" | "lagged" | "gaps" | "losses", number>>;
    readonly received: Readonly<Record<string, number>>;
    readonly errors: Readonly<Record<string, number>>;
  };
}

type BrokerCounts = "published" | "rejected" | "received" | "lost" | "tells" | "told" | "foreign" | "reconnects" | "subscriptions" | "queued" | "queuedBytes";

/** A `Broker` of `@upwire/cluster` or `@upwire/redis`. Give the broker itself, and not its parts: each part has the stats of the whole. */
export interface BrokerSource {
  /** The name of this node, for the label `node` of `upwire_broker_info`. */
  readonly node: string;
  /** For the labels of `upwire_broker_info`. */
  readonly capabilities: { readonly history: string; readonly reach: string };
  /** `up`, `degraded` or `down`. With `down` the process is not ready. */
  state(): string;
  /** The names of the nodes that are alive: they are counted. */
  nodes(): readonly string[];
  readonly stats: Readonly<Record<BrokerCounts, number>>;
}

/** The sources of one kind, each with the name that becomes its label: `{ chat: hub }`. At most 256; a name has 1 to 128 characters. */
export type Named<Source> = Readonly<Record<string, Source>>;
