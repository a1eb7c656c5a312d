import type { Broker } from "@upwire/cluster/broker";
import { meshBroker } from "@upwire/cluster/mesh";

/**
 * A node of the mesh without clients. The oldest node keeps the histories, so that, when this one is started first, a server that is
 * killed takes none along.
 */
export async function startHome(folder: string): Promise<Broker> {
  const broker = meshBroker({ folder });
  const ignore = (): void => {};
  await broker.start({ message: ignore, top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore });
  return broker;
}
