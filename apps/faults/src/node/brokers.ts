import type { Broker } from "@upwire/cluster/broker";
import { meshBroker } from "@upwire/cluster/mesh";
import type { Engine } from "./api.ts";

/** The broker of one node, reached as an application would. */
export async function brokerFor(engine: Exclude<Engine, { kind: "socketio" }>, _report: (error: unknown) => void): Promise<Broker> {
  if (engine.kind === "mesh") return meshBroker({ folder: engine.folder });
  throw new Error("not yet");
}
