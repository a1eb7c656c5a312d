export { redisMissing } from "./program.ts";
export { startRedisCluster, type RedisCluster, type RedisClusterOptions } from "./redis-cluster.ts";
export { startRedis, type RedisServer, type RedisServerOptions } from "./redis-server.ts";
