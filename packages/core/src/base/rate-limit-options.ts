import { defaults } from "./defaults.ts";
import { readOptions, kinds, shownValue, type OptionKinds } from "./option-check.ts";

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

/** A burst without its rate limits nothing, and is looked at all the same. */
function resolveBucket(name: string, perSecond: unknown, burst: unknown = typeof perSecond === "number" ? 2 * perSecond : 0): BucketSize | undefined {
  const isRate = perSecond === undefined || isNumberFrom(0, perSecond);
  const isBurst = (perSecond === undefined && burst === 0) || isNumberFrom(1, burst);
  if (!isRate || perSecond === 0 || !isBurst) {
    throw new RangeError(
      `rateLimit: ${shownValue(perSecond)} ${name} per second with a burst of ${shownValue(burst)} is not allowed; give numbers over 0, and a burst of at least 1`,
    );
  }
  return perSecond === undefined ? undefined : { perMs: perSecond / 1000, burst };
}

function isNumberFrom(least: number, value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= least;
}

/** @throws RangeError for rates that cannot be meant. */
export function resolveRateLimit(limit: RateLimit | undefined): ResolvedRateLimit | undefined {
  if (limit === undefined) return undefined;
  const {
    patienceMs = defaults.rateLimit.patienceMs,
    messagesPerSecond,
    messageBurst,
    bytesPerSecond,
    byteBurst,
  } = readOptions<RateLimit>("rateLimit", limit, rateLimitKinds);
  if (!Number.isSafeInteger(patienceMs) || patienceMs < 0) throw new RangeError(`rateLimit: a patienceMs of ${shownValue(patienceMs)} is not allowed`);
  const messages = resolveBucket("messages", messagesPerSecond, messageBurst);
  const bytes = resolveBucket("bytes", bytesPerSecond, byteBurst);
  return messages === undefined && bytes === undefined ? undefined : { messages, bytes, patienceMs };
}
