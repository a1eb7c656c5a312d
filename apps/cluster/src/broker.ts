import type { Broker } from "@upwire/cluster/broker";
import { meshBroker } from "@upwire/cluster/mesh";
import { redisBroker } from "@upwire/redis";

/** Redis where there is an address of one; else the processes of this machine find each other in a folder, and need no server. */
export function createBroker({ redisUrl, meshFolder }: { readonly redisUrl: string | undefined; readonly meshFolder: string | undefined }): {
  readonly broker: Broker;
  readonly kind: "mesh" | "redis";
} {
  if (redisUrl !== undefined) return { broker: redisBroker({ url: redisUrl, prefix: "cluster-demo" }), kind: "redis" };
  return { broker: meshBroker(meshFolder === undefined ? {} : { folder: meshFolder }), kind: "mesh" };
}
