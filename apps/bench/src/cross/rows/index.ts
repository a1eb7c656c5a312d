import type { CrossRow } from "../row.ts";
import { clusterIpc } from "./cluster-ipc.ts";
import { mesh, meshHistory, redis, redisHistory } from "./our-broker.ts";
import { hubMesh, hubRedis } from "./our-hub.ts";
import { topicMesh, topicRedis } from "./our-topic.ts";
import { rawMesh } from "./raw-mesh.ts";
import { ioredis, ioredisPipelined, nodeRedis } from "./raw-redis.ts";
import { redisScript } from "./redis-script.ts";
import { socketIoRedis, socketIoSharded, socketIoStreams } from "./socketio.ts";

/** Every row by the name that `--rows` takes. */
export const crossRows: Readonly<Record<string, CrossRow>> = {
  redis,
  "hub-redis": hubRedis,
  ioredis,
  "ioredis-pipelined": ioredisPipelined,
  "node-redis": nodeRedis,
  "socketio-redis": socketIoRedis,
  "socketio-sharded": socketIoSharded,
  "socketio-streams": socketIoStreams,
  "redis-history": redisHistory,
  "redis-script": redisScript,
  "topic-redis": topicRedis,
  mesh,
  "hub-mesh": hubMesh,
  "raw-mesh": rawMesh,
  "cluster-ipc": clusterIpc,
  "mesh-history": meshHistory,
  "topic-mesh": topicMesh,
};
