import type { Broker } from "@upwire/cluster/broker";
import { meshBroker } from "@upwire/cluster/mesh";

export interface BrokerPlace {
  /** With it the broker is Redis. */
  readonly redisUrl: string | undefined;
  /** Without Redis: the folder of the mesh. */
  readonly meshFolder: string | undefined;
}

/** Redis where there is an address of one; else the processes of this machine find each other in a folder, and need no server. */
export async function createBroker({ redisUrl, meshFolder }: BrokerPlace): Promise<{ readonly broker: Broker; readonly kind: "mesh" | "redis" }> {
  if (redisUrl === undefined) return { broker: meshBroker(meshFolder === undefined ? {} : { folder: meshFolder }), kind: "mesh" };
  const { redisBroker } = await import("@upwire/redis");
  return { broker: redisBroker({ url: redisUrl, prefix: "cluster-demo" }), kind: "redis" };
}
