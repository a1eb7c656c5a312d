import type { Clock, Timer } from "../base/clock.ts";
import type { BucketSize, ResolvedRateLimit } from "../base/rate-limit-options.ts";

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

  /** Takes `tokens` out. @param lateMs How much of the time since the last call nothing could be read. @returns milliseconds until it is no longer overdrawn. */
  take(tokens: number, now: number, lateMs: number): number {
    const { perMs, burst } = this.#size;
    const readMs = now - this.#filledAt - lateMs;
    // While this process read nothing, messages gathered, and they all come now: that time adds tokens beyond the burst. Those that stay unused
    // are lost again in as long a time.
    const isOver = this.#tokens > burst;
    const filled = isOver ? Math.max(burst, this.#tokens - readMs * perMs) : Math.min(burst, this.#tokens + readMs * perMs);
    this.#tokens = filled + lateMs * perMs - tokens;
    this.#filledAt = now;
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / perMs);
  }

  get isHalfFull(): boolean {
    return this.#tokens * 2 >= this.#size.burst;
  }
}

/** What a throttle asks of its connection. */
export interface ThrottledConnection {
  /** Reading has to stop. */
  throttled(): void;
  /** Reading may go on. */
  unthrottled(): void;
  /** The client has not slowed down within `patienceMs`. */
  overrun(): void;
}

/** By how much this process was late in all, when nothing could be read: milliseconds, ever more. */
export interface Lateness {
  readonly lateMs: number;
}

const NEVER_LATE: Lateness = { lateMs: 0 };

/** The rate limit of one connection. */
export class Throttle {
  readonly #limit: ResolvedRateLimit;
  readonly #clock: Clock;
  readonly #connection: ThrottledConnection;
  readonly #server: Lateness;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  #timer: Timer | undefined;
  /** Since when a bucket has been below half, or `undefined`. */
  #lowSince: number | undefined;
  #lateMs: number;

  constructor(limit: ResolvedRateLimit, clock: Clock, connection: ThrottledConnection, server: Lateness = NEVER_LATE) {
    const now = clock.now();
    this.#server = server;
    this.#lateMs = server.lateMs;
    this.#limit = limit;
    this.#clock = clock;
    this.#connection = connection;
    this.#messages = limit.messages && new TokenBucket(limit.messages, now);
    this.#bytes = limit.bytes && new TokenBucket(limit.bytes, now);
  }

  /** Bytes of a message that comes as a stream. They hold the client back, and never end it: within a message only TCP can slow it down. */
  chargeBytes(bytes: number): void {
    const late = this.#server.lateMs - this.#lateMs;
    this.#lateMs += late;
    this.#messages?.take(0, this.#clock.now(), late);
    this.#lowSince = undefined;
    this.#wait(this.#bytes?.take(bytes, this.#clock.now(), late) ?? 0);
  }

  /** One message, ping or pong came. */
  charge(bytes: number): void {
    const now = this.#clock.now();
    const late = this.#server.lateMs - this.#lateMs;
    this.#lateMs += late;
    const waitMs = Math.max(this.#messages?.take(1, now, late) ?? 0, this.#bytes?.take(bytes, now, late) ?? 0);
    // While this process paused, a client could not show that it slows down: that time does not count against it.
    if (this.#lowSince !== undefined) this.#lowSince += late;
    if ((this.#messages?.isHalfFull ?? true) && (this.#bytes?.isHalfFull ?? true)) this.#lowSince = undefined;
    else this.#lowSince ??= now;
    if (waitMs === 0) return;
    if (this.#lowSince !== undefined && now - this.#lowSince > this.#limit.patienceMs) return this.#connection.overrun();
    this.#wait(waitMs);
  }

  #wait(waitMs: number): void {
    if (waitMs === 0) return;
    const isThrottled = this.#timer !== undefined;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(waitMs, this.#release);
    if (!isThrottled) this.#connection.throttled();
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #release = (): void => {
    this.#timer = undefined;
    this.#connection.unthrottled();
  };
}
