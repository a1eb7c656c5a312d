import type { Engine } from "./engine.ts";
import type { ClosureCode } from "./errors.ts";
import type { ResolvedLimits } from "./limits.ts";

/** What the deadlines of one open connection count from. All times are of the heartbeat's clock, in milliseconds. */
export class Vitals {
  #pingedAt: number;
  /** 0 when no pong is awaited. */
  #pongAwaitedSince = 0;
  #lastMessageAt: number;
  /** When the socket was last not being read, by our own choice. */
  #heldUntil = 0;

  constructor(now: number) {
    this.#pingedAt = now;
    this.#lastMessageAt = now;
  }

  /** A byte came. */
  alive(): void {
    this.#pongAwaitedSince = 0;
  }

  messageCame(now: number): void {
    this.#lastMessageAt = now;
  }

  /** The deadline that has passed. @param isHeld Whether we do not read the socket now. */
  overdue(limits: ResolvedLimits, now: number, engine: Pick<Engine, "queue" | "partialSince">, isHeld: boolean): ClosureCode | undefined {
    const { writeTimeoutMs, idleTimeoutMs, messageTimeoutMs, pongTimeoutMs } = limits;
    const { partialSince } = engine;
    const { blockedSince, stalledSince } = engine.queue;
    if (blockedSince !== 0 && now - blockedSince >= writeTimeoutMs) return "ERR_WRITE_TIMEOUT";
    if (stalledSince !== 0 && now - stalledSince >= messageTimeoutMs) return "ERR_WRITER_ABORTED";
    if (idleTimeoutMs > 0 && now - this.#lastMessageAt >= idleTimeoutMs) return "ERR_IDLE";
    // While we do not read, neither a pong nor the rest of a message can be seen: that silence is ours.
    if (isHeld) {
      this.#heldUntil = now;
      if (this.#pongAwaitedSince !== 0) this.#pongAwaitedSince = now;
    }
    if (partialSince !== 0 && now - Math.max(partialSince, this.#heldUntil) >= messageTimeoutMs) return "ERR_MESSAGE_TIMEOUT";
    if (this.#pongAwaitedSince !== 0 && now - this.#pongAwaitedSince >= pongTimeoutMs) return "ERR_PONG_TIMEOUT";
    return undefined;
  }

  /**
   * When to look again: as soon as something may be overdue or a ping is to be sent. What begins after this moment, a message
   * or a write that blocks, is found half of its time later.
   */
  nextLook(limits: ResolvedLimits, now: number, engine: Pick<Engine, "queue" | "partialSince">, isHeld: boolean): number {
    if (isHeld) return now;
    const { writeTimeoutMs, idleTimeoutMs, messageTimeoutMs, pongTimeoutMs, pingIntervalMs } = limits;
    const { partialSince } = engine;
    const { blockedSince } = engine.queue;
    let at = now + Math.min(writeTimeoutMs, messageTimeoutMs) / 2;
    if (pingIntervalMs > 0) at = Math.min(at, this.#pingedAt + pingIntervalMs);
    if (idleTimeoutMs > 0) at = Math.min(at, this.#lastMessageAt + idleTimeoutMs);
    if (blockedSince !== 0) at = Math.min(at, blockedSince + writeTimeoutMs);
    if (partialSince !== 0) at = Math.min(at, Math.max(partialSince, this.#heldUntil) + messageTimeoutMs);
    if (this.#pongAwaitedSince !== 0) at = Math.min(at, this.#pongAwaitedSince + pongTimeoutMs);
    return Math.floor(at);
  }

  /** Whether it is time for a ping, which then counts as sent. */
  takePing(pingIntervalMs: number, now: number): boolean {
    if (pingIntervalMs === 0 || now - this.#pingedAt < pingIntervalMs) return false;
    this.#pingedAt = now;
    if (this.#pongAwaitedSince === 0) this.#pongAwaitedSince = now;
    return true;
  }
}

/** How often to look at the deadlines: fine enough for the shortest, and at most every half second. */
export function beatEveryMs(limits: ResolvedLimits): number {
  const { writeTimeoutMs, messageTimeoutMs, streamTimeoutMs, pingIntervalMs, pongTimeoutMs, idleTimeoutMs, openTimeoutMs, closeTimeoutMs, rateLimit } = limits;
  const deadlines = [writeTimeoutMs, messageTimeoutMs, streamTimeoutMs, pingIntervalMs, pongTimeoutMs, idleTimeoutMs, openTimeoutMs, closeTimeoutMs, rateLimit?.patienceMs ?? 0].filter((ms) => ms > 0);
  return Math.max(10, Math.min(500, ...deadlines.map((ms) => Math.ceil(ms / 4))));
}
