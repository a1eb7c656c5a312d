import { MAX_RETRY_AFTER_MS } from "@upwire/protocol";
import type { Clock, Timer } from "../link/clock.ts";

/** How long the answer to a ping may take. Milliseconds. */
const ANSWER_MS = 10_000;
/** A timer that is so much too late was held back: by a page that was frozen or out of sight, or by a machine that slept. */
const LATE_MS = 1000;
/** Where the server tells none. Milliseconds. */
const DEFAULT_MS = 25_000;

/** Finds a connection that is dead without having said so. */
export interface Heartbeat {
  /** Pings after `intervalMs` without a message, and gives up when that brings none. */
  start(intervalMs: number | undefined): void;
  stop(): void;
  /** Any message is a sign of life. */
  heard(): void;
  /** Asks now: the network may be another one than before. */
  readonly probe: () => void;
}

/**
 * A page that was frozen finds its timers overdue and its messages unread, in any order. So a timer that comes late judges
 * nothing: it pings anew, and what has come meanwhile is read before the next one.
 */
export function createHeartbeat(clock: Clock, ping: () => void, lost: () => void): Heartbeat {
  let intervalMs: number;
  let heardAt: number;
  let isAsked: boolean;
  let timer: Timer | undefined;

  function arm(ms: number): void {
    const due = clock.now() + ms;
    timer?.cancel();
    timer = clock.after(ms, () => judge(clock.now() - due));
  }

  function judge(lateMs: number): void {
    const leftMs = heardAt + intervalMs - clock.now();
    if (isAsked && lateMs <= LATE_MS) lost();
    else if (isAsked || leftMs <= 0) probe();
    // A clock that was set back would put it off as far.
    else arm(Math.min(leftMs, intervalMs));
  }

  function heard(): void {
    heardAt = clock.now();
    isAsked = false;
  }

  function probe(): void {
    isAsked = true;
    ping();
    arm(ANSWER_MS);
  }

  return {
    start(ms) {
      // What is no time, or too long for a timer, would have it run all the time.
      intervalMs = Math.min((ms as number) > 0 ? (ms as number) : DEFAULT_MS, MAX_RETRY_AFTER_MS);
      heard();
      arm(intervalMs);
    },
    stop: () => timer?.cancel(),
    heard,
    probe,
  };
}
