/** Names for applications. The handlers of each framework are in an entry of their own. */

export { createMetrics, type Metrics } from "./metrics.ts";
export type { FailedSource, MetricsOptions } from "./options.ts";
export type { Readiness } from "./readiness.ts";
export type { SourceOptions } from "./source-kinds.ts";
export type { AttachmentSource, BrokerSource, ClusterHubSource, HubSource, Named, RealtimeSource, UpgraderSource } from "./sources.ts";
export { prometheusName, type Family, type Metric, type Sample } from "./tables/metric.ts";
