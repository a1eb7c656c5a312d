import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";

const CHECK_MS = 500;
const PROBE_MS = 1000;
/** A server that was frozen just after a sign of life is noticed within 4 s, one check included. */
const DEAD_MS = 3500;
/** A check that comes so late says nothing of the server: this process itself stood still, and answers may wait unread. */
const LATE_MS = 1500;

/**
 * Whether a server is alive: it is asked each second, and is dead when one of its ways has given no sign for 4 s. Client
 * libraries show nothing at all of a frozen server.
 */
export class Pulse {
  readonly #timer: Timer;
  readonly #clock: Clock;
  readonly #last: number[];
  #checkedAt: number;
  #probedAt: number;

  /** @param ways How many ways there are, each of which must show signs. */
  constructor(clock: Clock, ways: number, { probe, dead }: { readonly probe: () => void; readonly dead: (silentMs: number) => void }) {
    this.#clock = clock;
    const now = clock.now();
    this.#last = Array<number>(ways).fill(now);
    this.#checkedAt = now;
    this.#probedAt = now;
    this.#timer = clock.every(CHECK_MS, () => {
      const at = clock.now();
      const isLate = at - this.#checkedAt > LATE_MS;
      this.#checkedAt = at;
      if (isLate) this.#last.forEach((last, way) => (this.#last[way] = Math.max(last, at - PROBE_MS)));
      const silentMs = at - Math.min(...this.#last);
      if (silentMs >= DEAD_MS) return dead(silentMs);
      // Each second, give or take the timer.
      if (at - this.#probedAt < PROBE_MS - CHECK_MS / 2) return;
      this.#probedAt = at;
      probe();
    });
  }

  /** A sign of life. */
  beat(way: number): void {
    this.#last[way] = this.#clock.now();
  }

  stop(): void {
    this.#timer.cancel();
  }
}
