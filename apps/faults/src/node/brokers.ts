import type { Broker } from "@upwire/cluster/broker";
import { meshBroker } from "@upwire/cluster/mesh";
import { redisBroker } from "@upwire/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { Engine } from "./api.ts";

/** The broker of one node, reached as an application would. */
export async function brokerFor(engine: Exclude<Engine, { kind: "socketio" }>, report: (error: unknown) => void): Promise<Broker> {
  if (engine.kind === "mesh") return meshBroker({ folder: engine.folder });
  const { url, client } = engine;
  if (client === "url") return redisBroker({ url });
  if (client === "ioredis") return redisBroker({ client: new Redis(url).on("error", report) });
  const nodeRedis = createClient({ url }).on("error", report);
  await nodeRedis.connect();
  return redisBroker({ client: nodeRedis });
}
