import type { Clock, Timer } from "../link/clock.ts";

/** How long the answer to a ping may take. Milliseconds. */
const ANSWER_MS = 10_000;
/** A timer that is so much too late was held back: by a page that was frozen or out of sight, or by a machine that slept. */
const LATE_MS = 1000;
/** How many late timers in a row are forgiven. */
const MAX_LATE = 3;

/**
 * Finds a connection that is dead without having said so: after `intervalMs` without a message it pings, and after
 * `ANSWER_MS` without one it gives up.
 *
 * A page that was frozen finds its timers overdue and its messages unread, in any order. So a timer that comes late judges
 * nothing: it pings anew, and what has come meanwhile is read before the next one.
 */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #ping: () => void;
  readonly #lost: () => void;
  #intervalMs = 0;
  #heardAt = 0;
  #pinged = false;
  #lates = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, ping: () => void, lost: () => void) {
    this.#clock = clock;
    this.#ping = ping;
    this.#lost = lost;
  }

  start(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    this.heard();
    this.#arm(intervalMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Any message is a sign of life. */
  heard(): void {
    this.#heardAt = this.#clock.now();
    this.#pinged = false;
    this.#lates = 0;
  }

  /** Asks now: the network may be another one than before. */
  probe(): void {
    this.#pinged = true;
    this.#ping();
    this.#arm(ANSWER_MS);
  }

  #arm(ms: number): void {
    const due = this.#clock.now() + ms;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(ms, () => this.#judge(this.#clock.now() - due > LATE_MS));
  }

  #judge(late: boolean): void {
    const silentMs = this.#clock.now() - this.#heardAt;
    if (this.#pinged && !(late && this.#lates++ < MAX_LATE)) this.#lost();
    else if (this.#pinged || silentMs >= this.#intervalMs) this.probe();
    else this.#arm(this.#intervalMs - silentMs);
  }
}
