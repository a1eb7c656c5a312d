import type { CrossRow } from "../row.ts";
import { clusterIpc } from "./cluster-ipc.ts";
import { rawMesh } from "./raw-mesh.ts";
import { ioredis, ioredisPipelined, nodeRedis } from "./raw-redis.ts";
import { socketIoRedis, socketIoSharded, socketIoStreams } from "./socketio.ts";

/** Every row by the name that `--rows` takes. */
export const crossRows: Readonly<Record<string, CrossRow>> = {
  ioredis,
  "ioredis-pipelined": ioredisPipelined,
  "node-redis": nodeRedis,
  "socketio-redis": socketIoRedis,
  "socketio-sharded": socketIoSharded,
  "socketio-streams": socketIoStreams,
  "raw-mesh": rawMesh,
  "cluster-ipc": clusterIpc,
};
