export { createClusterHub } from "./hub/cluster-hub.ts";
export type {
  ClusterAudience,
  ClusterBroadcastOptions,
  ClusterCloseOptions,
  ClusterConnection,
  ClusterHub,
  ClusterHubOptions,
  ClusterList,
  ClusterListOptions,
  ClusterMember,
  ClusterSize,
  Found,
} from "./hub/types.ts";
export type { CastStats, Reach } from "./casts/types.ts";
