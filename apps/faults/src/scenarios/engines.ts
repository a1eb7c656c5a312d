import type { Engine } from "../node/api.ts";
import type { Scenario } from "../scenario.ts";

/** Nodes of a round. */
const NODES = 3;
const CLIENTS = ["ioredis", "redis", "url"] as const;

/** Three nodes on one Redis server, each with another client library. */
export const onRedis: Scenario["engines"] = ({ url }) => CLIENTS.map((client): Engine => ({ kind: "redis", url, client }));

/** Three processes on one mesh. */
export const onMesh: Scenario["engines"] = ({ folder }) => Array.from({ length: NODES }, (): Engine => ({ kind: "mesh", folder }));

export function onSocketIo(adapter: "redis" | "streams"): Scenario["engines"] {
  return ({ url }) => Array.from({ length: NODES }, (): Engine => ({ kind: "socketio", adapter, url }));
}
