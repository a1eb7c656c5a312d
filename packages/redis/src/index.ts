export type { RedisClientLike } from "./driver/clients.ts";
export { RedisStartError } from "./driver/driver.ts";
export type { RedisBatchOptions, RedisBrokerOptions, RedisQueueOptions } from "./options.ts";
export { redisBroker } from "./redis-broker.ts";
