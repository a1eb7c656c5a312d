import { defaults } from "./defaults.ts";
import { kinds, oneOf, shownValue, type OptionKinds } from "./option-check.ts";
import { resolveRateLimit, type RateLimit, type ResolvedRateLimit } from "./rate-limit-options.ts";

const policies = ["close", "drop-newest", "drop-oldest", "keep-latest", "pause"] as const;

/**
 * What happens when more than the queue may hold would wait for a client that reads more slowly than it is written to:
 * - `close`: it is told 1013 and ended.
 * - `drop-newest`: `send` says no, and the message is gone.
 * - `drop-oldest`: the messages that have waited longest make room. A message longer than half of the queue may find none.
 * - `keep-latest`: while the client is behind, a message with a `key` takes the place of the waiting one with that key. What
 *   still does not fit ends the client, as with `close`.
 * - `pause`: while more than half of the queue is full nothing is read from this client, so that what it asks for stops
 *   growing. What does not fit, `send` refuses: wait for `drain()`.
 */
export type SlowConsumerPolicy = (typeof policies)[number];

/** Limits of one connection. Every time is in milliseconds, every size in bytes. */
export interface ConnectionLimits {
  /** Longest message, after inflating; more is close 1009. @default 1048576 */
  readonly maxMessageBytes?: number;
  /** Most fragments of one message; more is close 1008. @default 1024 */
  readonly maxFragments?: number;
  /** Longest message that comes as a stream, after inflating; more is close 1009. `maxMessageBytes` and `maxFragments` do not hold for it. @default 1073741824 */
  readonly maxStreamBytes?: number;
  /** What may wait for a slow client, in our queue and the socket's. A longer message is taken only by an empty queue. @default 1048576 */
  readonly maxQueueBytes?: number;
  /** Most messages in our queue: what bounds the memory of very short ones. Those that the socket has do not count. @default 16384 */
  readonly maxQueueMessages?: number;
  /** What happens over `maxQueueBytes` and `maxQueueMessages`. @default "close" */
  readonly slowConsumer?: SlowConsumerPolicy;
  /** How much a client may send. @default no limit */
  readonly rateLimit?: RateLimit;
  /** Age of the oldest byte that waits; older is close 1013. @default 10000 */
  readonly writeTimeoutMs?: number;
  /**
   * Time for one message, from its first byte to its last; then close 1008. Also the longest time in which a Blob or a writer of the
   * application may bring nothing while its client takes data; then close 1011 (`ERR_WRITER_ABORTED`). @default 30000
   */
  readonly messageTimeoutMs?: number;
  /** Time in which the next bytes of a message that comes as a stream must come, while there is room for them; then close 1008. @default 30000 */
  readonly streamTimeoutMs?: number;
  /** Time between pings. 0 switches the heartbeat off, and dead peers are then never found. @default 25000 */
  readonly pingIntervalMs?: number;
  /** Time for a sign of life after a ping; then the socket is destroyed. @default 20000 */
  readonly pongTimeoutMs?: number;
  /** Longest silence between two messages of the client; then close 1001. 0 means for ever. @default 0 */
  readonly idleTimeoutMs?: number;
  /**
   * Time for an async `open`, while which messages wait, unless it pulls them itself; then close 1011. 0 waits for ever. @default 30000
   */
  readonly openTimeoutMs?: number;
  /**
   * Time for the peer to answer a close frame; then the socket is destroyed (RFC 6455 §7.1.1). The same time before it is what a Blob
   * or a writer has that is not complete when `close` is called; then it is given up, and the close frame leaves. @default 5000
   */
  readonly closeTimeoutMs?: number;
}

/** The limits with every default filled in. */
export type ResolvedLimits = Readonly<Required<Omit<ConnectionLimits, "rateLimit">>> & { readonly rateLimit: ResolvedRateLimit | undefined };

const { anything, group } = kinds;

/** Of the options that are a number or a word, the range is looked at by `resolveLimits`. */
export const limitKinds: OptionKinds<ConnectionLimits> = {
  maxMessageBytes: anything,
  maxFragments: anything,
  maxStreamBytes: anything,
  maxQueueBytes: anything,
  maxQueueMessages: anything,
  slowConsumer: anything,
  rateLimit: group,
  writeTimeoutMs: anything,
  messageTimeoutMs: anything,
  streamTimeoutMs: anything,
  pingIntervalMs: anything,
  pongTimeoutMs: anything,
  idleTimeoutMs: anything,
  openTimeoutMs: anything,
  closeTimeoutMs: anything,
};

const mayBeZero = new Set(["pingIntervalMs", "idleTimeoutMs", "openTimeoutMs", "maxBatchDelayMs"]);

interface UpgraderNumbers {
  readonly handshakeTimeoutMs: number;
  readonly maxBatchDelayMs: number;
}

/** @throws RangeError for a value that cannot be meant. */
export function resolveLimits(options: ConnectionLimits & Partial<UpgraderNumbers>): ResolvedLimits & UpgraderNumbers {
  const { handshakeTimeoutMs, maxBatchDelayMs } = defaults.upgrade;
  const resolved: Record<string, unknown> = { rateLimit: resolveRateLimit(options.rateLimit) };
  for (const [name, preset] of Object.entries({ ...defaults.connection, handshakeTimeoutMs, maxBatchDelayMs })) {
    const { [name as keyof ConnectionLimits]: value = preset as unknown } = options;
    if (name === "maxStreamBytes") checkCount(name, value, 1, Number.MAX_SAFE_INTEGER);
    else if (name !== "slowConsumer") checkCount(name, value, mayBeZero.has(name) ? 0 : 1);
    else if (!policies.includes(value as SlowConsumerPolicy)) throw new RangeError(`${name}: ${shownValue(value)} is not allowed; give ${oneOf(policies)}`);
    resolved[name] = value;
  }
  return resolved as unknown as ResolvedLimits & UpgraderNumbers;
}

/** @throws RangeError for what is no time that a timer can wait, and no number of things. */
export function checkCount(name: string, value: unknown, least = 1, most = 0x7fffffff): number {
  if (!isCount(value, least, most)) throw new RangeError(`${name}: ${shownValue(value)} is not allowed; give a whole number from ${least} to ${most}`);
  return value;
}

/** Timers and buffers end at 2^31 - 1, and "no limit" is not on offer. */
function isCount(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}
