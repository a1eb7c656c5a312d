import type { Clock } from "@upwire/core";
import { kinds, readOptions as checkOptions, type OptionKinds } from "@upwire/core/adapter";
import { defaultLimits, type QueueLimits } from "./data/limits.ts";
import type { RedisClientLike } from "./driver/clients.ts";

/** What may wait while Redis is away: publications to topics with history. One more rejects as `unavailable`. */
export interface RedisQueueOptions {
  /** Publications. @default 1000 */
  readonly messages?: number;
  /** What they take together, with about 100 bytes for each. Bytes. @default 1048576 (1 MiB) */
  readonly bytes?: number;
  /** How long one waits before it is rejected. Milliseconds. @default 5000 */
  readonly ageMs?: number;
}

/** What goes to Redis in one call. */
export interface RedisBatchOptions {
  /** Publications. @default 250, so that this process works on one batch while Redis works on the next */
  readonly messages?: number;
  /** Bytes; a larger publication goes alone. @default 262144 (256 KiB) */
  readonly bytes?: number;
}

/** Where Redis is, and how much may wait for it. `url` or `client` is needed. */
export interface RedisBrokerOptions {
  /**
   * A client of ioredis or node-redis, for one server, Sentinels or a Cluster. Only its options are used: the broker makes connections of
   * its own from them, and leaves the client as it is.
   */
  readonly client?: RedisClientLike;
  /** Instead of a client: redis://user:password@host:6379/0, or rediss:// for TLS. Needs the package ioredis. */
  readonly url?: string;
  /**
   * Before all keys and channels. Brokers with the same prefix on the same Redis are one cluster: give each application, and each
   * stage of it, its own. 1 to 64 characters without spaces and braces. @default "upwire"
   */
  readonly prefix?: string;
  /** Sharded Pub/Sub (SPUBLISH); a Cluster always has it. The same for all nodes. @default false */
  readonly sharded?: boolean;
  /** What may wait while Redis is away. @default 1000 publications, 1 MiB, 5000 ms */
  readonly queue?: RedisQueueOptions;
  /** What goes to Redis in one call. @default 250 publications, 256 KiB */
  readonly batch?: RedisBatchOptions;
  /**
   * Gets what went wrong where no call could be rejected for it: a lost connection, a setting of the server that loses messages.
   * The same line at most each ten seconds. @default `console.error` of the message
   */
  readonly onError?: (error: Error) => void;
  /** Replaces time in tests. Redis has its own. @default real time */
  readonly clock?: Clock;
}

/** Options that were read and checked. */
export interface RedisBrokerSettings {
  readonly client: RedisClientLike | { readonly url: string };
  readonly prefix: string;
  readonly sharded: boolean;
  readonly limits: QueueLimits;
  readonly onError: (error: Error) => void;
  readonly clock: Clock | undefined;
}

// A lone surrogate has no UTF-8: two such prefixes would be one.
const prefixPattern = /^[^\s{}\p{Cs}]{1,64}$/u;

const { anything, callback, clock: aClock, flag, group } = kinds;
// What is `anything` here is looked at in `readOptions`; the client by the driver.
const optionKinds: OptionKinds<RedisBrokerOptions> = {
  client: anything,
  url: anything,
  prefix: anything,
  sharded: flag,
  queue: group,
  batch: group,
  onError: callback,
  clock: aClock,
};
const queueKinds: OptionKinds<RedisQueueOptions> = { messages: anything, bytes: anything, ageMs: anything };
const batchKinds: OptionKinds<RedisBatchOptions> = { messages: anything, bytes: anything };

/** @throws TypeError without a client and a URL, or with both, and for options that do not exist; RangeError for what is out of range. */
export function readOptions(given: RedisBrokerOptions): RedisBrokerSettings {
  const options = checkOptions<RedisBrokerOptions>("redisBroker", given, optionKinds);
  const { client, url, prefix = "upwire", sharded = false, onError, clock } = options;
  const queue = checkOptions<RedisQueueOptions>("queue", options.queue, queueKinds);
  const batch = checkOptions<RedisBatchOptions>("batch", options.batch, batchKinds);
  if ((client === undefined) === (url === undefined)) {
    throw new TypeError(`redisBroker: ${client === undefined ? "neither client nor url is given" : "both client and url are given"}; give one of them`);
  }
  if (typeof prefix !== "string" || !prefixPattern.test(prefix)) {
    throw new RangeError(`prefix: ${JSON.stringify(prefix)} is not allowed; give 1 to 64 characters without spaces and braces`);
  }
  const limits: QueueLimits = {
    ...defaultLimits,
    messages: whole("queue.messages", queue.messages, { least: 0, otherwise: defaultLimits.messages }),
    bytes: whole("queue.bytes", queue.bytes, { least: 0, otherwise: defaultLimits.bytes }),
    ageMs: whole("queue.ageMs", queue.ageMs, { least: 1, otherwise: defaultLimits.ageMs }),
    batchMessages: whole("batch.messages", batch.messages, { least: 1, otherwise: defaultLimits.batchMessages }),
    batchBytes: whole("batch.bytes", batch.bytes, { least: 1, otherwise: defaultLimits.batchBytes }),
  };
  return {
    client: client ?? { url: url ?? "" },
    prefix,
    sharded,
    limits,
    onError: onError ?? ((error) => console.error(`upwire, redis: ${error.message}`)),
    clock,
  };
}

function whole(name: string, given: number | undefined, { least, otherwise }: { readonly least: number; readonly otherwise: number }): number {
  if (given === undefined) return otherwise;
  if (!Number.isSafeInteger(given) || given < least) throw new RangeError(`${name}: ${given} is not allowed; give a whole number from ${least} on`);
  return given;
}
