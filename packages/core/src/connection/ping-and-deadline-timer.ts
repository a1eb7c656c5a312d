import type { Clock, Timer } from "../base/clock.ts";
import { ServedClock } from "../base/served-clock.ts";

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
