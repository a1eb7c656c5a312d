import { MAX_RETRY_AFTER_MS } from "@upwire/protocol";
import type { Clock, Timer } from "../link/clock.ts";

/** How long the answer to a ping may take. Milliseconds. */
const ANSWER_MS = 10_000;
/** A timer that is so much too late was held back: by a page that was frozen or out of sight, or by a machine that slept. */
const LATE_MS = 1000;

/** Finds a connection that is dead without having said so. */
export interface Heartbeat {
  /** Pings after `intervalMs` without a message, and gives up when that brings none. */
  start(intervalMs: number): void;
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
  let isAsked: boolean;
  let timer: Timer | undefined;

  function arm(ms: number): void {
    const due = clock.now() + ms;
    timer?.cancel();
    timer = clock.after(ms, () => (isAsked && clock.now() - due <= LATE_MS ? lost() : probe()));
  }

  function heard(): void {
    isAsked = false;
    arm(intervalMs);
  }

  function probe(): void {
    isAsked = true;
    ping();
    arm(ANSWER_MS);
  }

  return {
    start(ms) {
      // What is no time, or too long for a timer, would have it run all the time. Without one it is 25 s.
      intervalMs = Math.min(ms > 0 ? ms : 25_000, MAX_RETRY_AFTER_MS);
      heard();
    },
    stop: () => timer?.cancel(),
    heard,
    probe,
  };
}
