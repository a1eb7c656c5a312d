import { defaults } from "./defaults.ts";
import { checkOptions, kinds, type OptionKinds } from "./option-check.ts";

/**
 * How much one client may send, by token buckets (a burst, then a steady rate). Over it nothing is read for as long as it
 * takes, so TCP holds the client back and nothing is lost. A client that pushes on regardless is closed with 4429.
 */
export interface RateLimit {
  /** Messages, pings and pongs per second. @default no limit */
  readonly messagesPerSecond?: number;
  /** So many may come at once. @default twice `messagesPerSecond` */
  readonly messageBurst?: number;
  /** Payload bytes per second. @default no limit */
  readonly bytesPerSecond?: number;
  /** So many may come at once. @default twice `bytesPerSecond` */
  readonly byteBurst?: number;
  /** How long a client may keep its bucket below half before it is closed. Milliseconds. @default 10000 */
  readonly patienceMs?: number;
}

const { anything } = kinds;
const rateLimitKinds: OptionKinds<RateLimit> = {
  messagesPerSecond: anything,
  messageBurst: anything,
  bytesPerSecond: anything,
  byteBurst: anything,
  patienceMs: anything,
};

export interface BucketSize {
  readonly perMs: number;
  readonly burst: number;
}

export interface ResolvedRateLimit {
  readonly messages: BucketSize | undefined;
  readonly bytes: BucketSize | undefined;
  readonly patienceMs: number;
}

function resolveBucket(name: string, perSecond: number | undefined, burst = 2 * (perSecond ?? 0)): BucketSize | undefined {
  if (perSecond === undefined) return undefined;
  const isAllowed = Number.isFinite(perSecond) && perSecond > 0 && Number.isFinite(burst) && burst >= 1;
  if (!isAllowed) throw new RangeError(`rateLimit: ${perSecond} ${name} per second with a burst of ${burst} is not allowed`);
  return { perMs: perSecond / 1000, burst };
}

/** @throws RangeError for rates that cannot be meant. */
export function resolveRateLimit(limit: RateLimit | undefined): ResolvedRateLimit | undefined {
  if (limit === undefined) return undefined;
  checkOptions("rateLimit", limit, rateLimitKinds);
  const { patienceMs = defaults.rateLimit.patienceMs } = limit;
  if (!Number.isSafeInteger(patienceMs) || patienceMs < 0) throw new RangeError(`rateLimit: a patienceMs of ${patienceMs} is not allowed`);
  const messages = resolveBucket("messages", limit.messagesPerSecond, limit.messageBurst);
  const bytes = resolveBucket("bytes", limit.bytesPerSecond, limit.byteBurst);
  return messages === undefined && bytes === undefined ? undefined : { messages, bytes, patienceMs };
}
