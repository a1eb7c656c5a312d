// When a client is pinged, which deadline it has missed, and the one timer that looks at all connections.

import type { Clock, Timer } from "../base/clock.ts";
import type { ClosureCode } from "../base/errors.ts";
import type { ResolvedLimits } from "../base/limits.ts";
import { ServedClock } from "../base/served-clock.ts";

/** An open connection, as its pings and deadlines see it. All times are of the heartbeat's clock, in milliseconds. */
export interface Timed {
  pingedAt: number;
  /** 0 when no pong is awaited. */
  pongAwaitedSince: number;
  /** When the socket was last not being read, by our own choice: until then no silence is the client's. */
  heldUntil: number;
  /** Whether it is not being read now. */
  readonly isHeld: boolean;
  readonly lastMessageAt: number;
  /** Since when bytes wait that the client does not take, or 0. */
  readonly blockedSince: number;
  /** Since when a Blob or a writer has brought nothing for which messages wait, or 0. */
  readonly stalledSince: number;
  /** Since when a message is begun and not complete, or, as a stream, has brought no more bytes; or 0. */
  readonly partialSince: number;
  /** Whether messages come as streams. */
  readonly inbound: { readonly streams: boolean };
  pingPeer(): void;
}

/** Pings an open connection if that is due. @returns the deadline that has passed, else when to look again. */
export function look(connection: Timed, limits: ResolvedLimits, now: number): ClosureCode | number {
  const { isHeld } = connection;
  // While we do not read, neither a pong nor the rest of a message can be seen: that silence is ours.
  if (isHeld) {
    connection.heldUntil = now;
    if (connection.pongAwaitedSince !== 0) connection.pongAwaitedSince = now;
  }
  const missed = overdue(connection, limits, now);
  if (missed !== undefined) return missed;
  const { pingIntervalMs } = limits;
  if (pingIntervalMs > 0 && now - connection.pingedAt >= pingIntervalMs) {
    connection.pingedAt = now;
    if (connection.pongAwaitedSince === 0) connection.pongAwaitedSince = now;
    connection.pingPeer();
  }
  return isHeld ? now : nextLook(connection, limits, now);
}

/** The deadline that has passed. */
function overdue(connection: Timed, limits: ResolvedLimits, now: number): ClosureCode | undefined {
  const { blockedSince, stalledSince, partialSince, pongAwaitedSince, heldUntil } = connection;
  const { writeTimeoutMs, idleTimeoutMs, messageTimeoutMs, pongTimeoutMs } = limits;
  if (blockedSince !== 0 && now - blockedSince >= writeTimeoutMs) return "ERR_WRITE_TIMEOUT";
  if (stalledSince !== 0 && now - stalledSince >= messageTimeoutMs) return "ERR_WRITER_ABORTED";
  if (idleTimeoutMs > 0 && now - Math.max(connection.lastMessageAt, heldUntil) >= idleTimeoutMs) return "ERR_IDLE";
  if (partialSince !== 0 && now - Math.max(partialSince, heldUntil) >= partialTimeout(connection, limits)) return "ERR_MESSAGE_TIMEOUT";
  if (pongAwaitedSince !== 0 && now - pongAwaitedSince >= pongTimeoutMs) return "ERR_PONG_TIMEOUT";
  return undefined;
}

/** How long `partialSince` may stand. */
function partialTimeout({ inbound }: Timed, { messageTimeoutMs, streamTimeoutMs }: ResolvedLimits): number {
  return inbound.streams ? streamTimeoutMs : messageTimeoutMs;
}

/**
 * When to look again: as soon as something may be overdue or a ping is to be sent. What begins after this moment, a message
 * or a write that blocks, is found half of its time later.
 */
function nextLook(connection: Timed, limits: ResolvedLimits, now: number): number {
  const { blockedSince, partialSince, pongAwaitedSince, heldUntil } = connection;
  const { writeTimeoutMs, idleTimeoutMs, messageTimeoutMs, pongTimeoutMs, pingIntervalMs } = limits;
  let at = now + Math.min(writeTimeoutMs, messageTimeoutMs, partialTimeout(connection, limits)) / 2;
  if (pingIntervalMs > 0) at = Math.min(at, connection.pingedAt + pingIntervalMs);
  if (idleTimeoutMs > 0) at = Math.min(at, Math.max(connection.lastMessageAt, heldUntil) + idleTimeoutMs);
  if (blockedSince !== 0) at = Math.min(at, blockedSince + writeTimeoutMs);
  if (partialSince !== 0) at = Math.min(at, Math.max(partialSince, heldUntil) + partialTimeout(connection, limits));
  if (pongAwaitedSince !== 0) at = Math.min(at, pongAwaitedSince + pongTimeoutMs);
  return Math.floor(at);
}

/** How often the heartbeat beats: fine enough for the shortest deadline, and at least every half second. */
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

/** Something with deadlines. */
export interface Beating {
  /** Where it is among all. Only the heartbeat writes it. */
  place: number;
  /** Looks at its deadlines, and says with `lookAt` when to look again. @param now The clock's time in milliseconds. */
  beat(now: number): void;
  /** Bytes that wait to leave. */
  readonly bufferedBytes: number;
}

/**
 * ONE timer for all connections: a timer of its own would cost each of them half a kilobyte. Its time stands still while the
 * process does, and a late beat reads what has arrived before it judges: `ServedClock`.
 */
export class Heartbeat {
  /** The time at the last beat, without our own pauses, in whole milliseconds: exact enough for deadlines, free to read and small to keep. */
  now: number;
  readonly #clock: ServedClock;
  readonly #everyMs: number;
  readonly #beating: Beating[] = [];
  /** When to look at each: beside them, since to ask 10,000 objects twice a second would cost a third of a percent of a core. */
  readonly #due: number[] = [];
  #timer: Timer | undefined;

  /** @param everyMs Resolution of every deadline. */
  constructor(clock: Clock, everyMs: number) {
    this.#clock = ServedClock.from(clock);
    this.#everyMs = everyMs;
    this.now = Math.floor(this.#clock.now());
  }

  /** By how much its beats came late in all. Milliseconds, ever more. */
  get lateMs(): number {
    return this.#clock.lateMs;
  }

  /** What waits to leave, of all of them. Looks at each. */
  get bufferedBytes(): number {
    return this.#beating.reduce((bytes, target) => bytes + target.bufferedBytes, 0);
  }

  add(target: Beating): void {
    target.place = this.#beating.push(target) - 1;
    this.#due.push(0);
    if (this.#timer !== undefined) return;
    this.now = Math.floor(this.#clock.now());
    this.#timer = this.#clock.every(this.#everyMs, this.#beat);
  }

  /** Looks at `target` at this time and not before; 0 is the next beat. */
  lookAt(target: Beating, time: number): void {
    if (this.#beating[target.place] === target) this.#due[target.place] = time;
  }

  delete(target: Beating): void {
    const { place } = target;
    if (this.#beating[place] !== target) return;
    const last = this.#beating.pop() as Beating;
    const lastDue = this.#due.pop() as number;
    if (last !== target) {
      this.#beating[place] = last;
      this.#due[place] = lastDue;
      last.place = place;
    }
    if (this.#beating.length > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #beat = (): void => {
    const now = Math.floor(this.#clock.now());
    this.now = now;
    // From the end: one that is deleted meanwhile gives its place to one that has been looked at.
    for (let at = this.#due.length - 1; at >= 0; at--) {
      if ((this.#due[at] ?? Infinity) <= now) this.#beating[at]?.beat(now);
    }
  };
}
