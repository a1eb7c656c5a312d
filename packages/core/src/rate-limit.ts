import type { Clock, Timer } from "./clock.ts";
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

interface BucketSize {
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
  const { patienceMs = 10_000 } = limit;
  if (!Number.isSafeInteger(patienceMs) || patienceMs < 0) throw new RangeError(`rateLimit: a patienceMs of ${patienceMs} is not allowed`);
  const messages = resolveBucket("messages", limit.messagesPerSecond, limit.messageBurst);
  const bytes = resolveBucket("bytes", limit.bytesPerSecond, limit.byteBurst);
  return messages === undefined && bytes === undefined ? undefined : { messages, bytes, patienceMs };
}

/** Tokens that come back steadily. It may be overdrawn: what came cannot be sent back. */
class TokenBucket {
  readonly #size: BucketSize;
  #tokens: number;
  #filledAt: number;

  constructor(size: BucketSize, now: number) {
    this.#size = size;
    this.#tokens = size.burst;
    this.#filledAt = now;
  }

  /** Takes `tokens` out. @returns milliseconds until it is no longer overdrawn. */
  take(tokens: number, now: number): number {
    const { perMs, burst } = this.#size;
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#filledAt) * perMs) - tokens;
    this.#filledAt = now;
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / perMs);
  }

  get isHalfFull(): boolean {
    return this.#tokens * 2 >= this.#size.burst;
  }
}

/** What a throttle asks of its connection. */
export interface ThrottledConnection {
  /** Reading has to stop, or may go on. */
  throttled(isHeld: boolean): void;
  /** The client did not slow down in all that time. */
  overrun(): void;
}

/** The rate limit of one connection. */
export class Throttle {
  readonly #limit: ResolvedRateLimit;
  readonly #clock: Clock;
  readonly #connection: ThrottledConnection;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  #timer: Timer | undefined;
  /** Since when a bucket has been below half, or `undefined`. */
  #lowSince: number | undefined;

  constructor(limit: ResolvedRateLimit, clock: Clock, connection: ThrottledConnection) {
    const now = clock.now();
    this.#limit = limit;
    this.#clock = clock;
    this.#connection = connection;
    this.#messages = limit.messages && new TokenBucket(limit.messages, now);
    this.#bytes = limit.bytes && new TokenBucket(limit.bytes, now);
  }

  /** One message, ping or pong came. */
  charge(bytes: number): void {
    const now = this.#clock.now();
    const waitMs = Math.max(this.#messages?.take(1, now) ?? 0, this.#bytes?.take(bytes, now) ?? 0);
    if ((this.#messages?.isHalfFull ?? true) && (this.#bytes?.isHalfFull ?? true)) this.#lowSince = undefined;
    else this.#lowSince ??= now;
    if (waitMs === 0) return;
    if (this.#lowSince !== undefined && now - this.#lowSince > this.#limit.patienceMs) return this.#connection.overrun();
    const isHeld = this.#timer !== undefined;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(waitMs, this.#release);
    if (!isHeld) this.#connection.throttled(true);
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #release = (): void => {
    this.#timer = undefined;
    this.#connection.throttled(false);
  };
}
