import { memoryBroker, type Broker } from "@upwire/cluster/broker";
import type { Engine } from "./api.ts";

export async function brokerFor(_engine: Exclude<Engine, { kind: "socketio" }>, _report: (error: unknown) => void): Promise<Broker> {
  return memoryBroker();
}
