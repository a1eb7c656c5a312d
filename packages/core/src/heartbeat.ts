import type { Clock, Timer } from "./clock.ts";

/** Something with deadlines. */
export interface Beating {
  /** Looks at its deadlines; `now` is the clock's time in milliseconds. */
  beat(now: number): void;
}

/** ONE timer for all connections: a timer of its own would cost each of them half a kilobyte. */
export class Heartbeat {
  /** The clock's time at the last beat, in whole milliseconds: exact enough for deadlines, free to read and small to keep. */
  now: number;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #beating = new Set<Beating>();
  #timer: Timer | undefined;

  /** @param everyMs Resolution of every deadline. */
  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.now = Math.floor(clock.now());
  }

  add(target: Beating): void {
    this.#beating.add(target);
    if (this.#timer !== undefined) return;
    this.now = Math.floor(this.#clock.now());
    this.#timer = this.#clock.every(this.#everyMs, this.#beat);
  }

  delete(target: Beating): void {
    this.#beating.delete(target);
    if (this.#beating.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #beat = (): void => {
    this.now = Math.floor(this.#clock.now());
    for (const target of this.#beating) target.beat(this.now);
  };
}
