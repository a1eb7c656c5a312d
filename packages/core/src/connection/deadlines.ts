import type { ClosureCode } from "../base/errors.ts";
import type { ResolvedLimits } from "../base/limits.ts";

/** What the deadlines of one open connection count from. All times are of the heartbeat's clock, in milliseconds. */
export interface Since {
  readonly pingedAt: number;
  /** 0 when no pong is awaited. */
  readonly pongAwaitedSince: number;
  readonly lastMessageAt: number;
  /** When the socket was last not being read, by our own choice: until then no silence is the client's. */
  readonly heldUntil: number;
  /** Since when bytes wait that the client does not take, or 0. */
  readonly blockedSince: number;
  /** Since when a Blob or a writer has brought nothing for which messages wait, or 0. */
  readonly stalledSince: number;
  /** Since when a message is begun and not complete, or, as a stream, has brought no more bytes; or 0. */
  readonly partialSince: number;
  /** Whether messages come as streams. */
  readonly inbound: { readonly streams: boolean };
}

/** How long `partialSince` may stand. */
function partialTimeout({ inbound }: Since, { messageTimeoutMs, streamTimeoutMs }: ResolvedLimits): number {
  return inbound.streams ? streamTimeoutMs : messageTimeoutMs;
}

/** The deadline that has passed. */
export function overdue(since: Since, limits: ResolvedLimits, now: number): ClosureCode | undefined {
  const { blockedSince, stalledSince, partialSince, pongAwaitedSince, heldUntil } = since;
  const { writeTimeoutMs, idleTimeoutMs, messageTimeoutMs, pongTimeoutMs } = limits;
  if (blockedSince !== 0 && now - blockedSince >= writeTimeoutMs) return "ERR_WRITE_TIMEOUT";
  if (stalledSince !== 0 && now - stalledSince >= messageTimeoutMs) return "ERR_WRITER_ABORTED";
  if (idleTimeoutMs > 0 && now - Math.max(since.lastMessageAt, heldUntil) >= idleTimeoutMs) return "ERR_IDLE";
  if (partialSince !== 0 && now - Math.max(partialSince, heldUntil) >= partialTimeout(since, limits)) return "ERR_MESSAGE_TIMEOUT";
  if (pongAwaitedSince !== 0 && now - pongAwaitedSince >= pongTimeoutMs) return "ERR_PONG_TIMEOUT";
  return undefined;
}

/**
 * When to look again: as soon as something may be overdue or a ping is to be sent. What begins after this moment, a message
 * or a write that blocks, is found half of its time later.
 */
export function nextLook(since: Since, limits: ResolvedLimits, now: number): number {
  const { blockedSince, partialSince, pongAwaitedSince, heldUntil } = since;
  const { writeTimeoutMs, idleTimeoutMs, messageTimeoutMs, pongTimeoutMs, pingIntervalMs } = limits;
  let at = now + Math.min(writeTimeoutMs, messageTimeoutMs, partialTimeout(since, limits)) / 2;
  if (pingIntervalMs > 0) at = Math.min(at, since.pingedAt + pingIntervalMs);
  if (idleTimeoutMs > 0) at = Math.min(at, Math.max(since.lastMessageAt, heldUntil) + idleTimeoutMs);
  if (blockedSince !== 0) at = Math.min(at, blockedSince + writeTimeoutMs);
  if (partialSince !== 0) at = Math.min(at, Math.max(partialSince, heldUntil) + partialTimeout(since, limits));
  if (pongAwaitedSince !== 0) at = Math.min(at, pongAwaitedSince + pongTimeoutMs);
  return Math.floor(at);
}

/** How often to look at the deadlines: fine enough for the shortest, and at most every half second. */
export function beatEveryMs(limits: ResolvedLimits): number {
  const { writeTimeoutMs, messageTimeoutMs, streamTimeoutMs, pingIntervalMs, pongTimeoutMs, idleTimeoutMs, openTimeoutMs, closeTimeoutMs, rateLimit } = limits;
  const deadlines = [
    writeTimeoutMs,
    messageTimeoutMs,
    streamTimeoutMs,
    pingIntervalMs,
    pongTimeoutMs,
    idleTimeoutMs,
    openTimeoutMs,
    closeTimeoutMs,
    rateLimit?.patienceMs ?? 0,
  ].filter((ms) => ms > 0);
  return Math.max(10, Math.min(500, ...deadlines.map((ms) => Math.ceil(ms / 4))));
}
