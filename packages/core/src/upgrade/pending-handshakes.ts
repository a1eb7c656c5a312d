import type { Clock, Timer } from "../base/clock.ts";
import { inSlices } from "../shutdown/close-in-waves.ts";
import { ServedClock } from "../base/served-clock.ts";

/** A handshake that is under way. */
export interface PendingHandshake {
  /** When it is given up, by the time of `PendingHandshakes`. */
  deadline: number;
  /** Gives it up. Called once, unless `deadline` is set again. */
  expire(): void;
  /** Ends it now, with its socket unless that is another library's. */
  abort(): void;
}

/** Least time between two looks at all of them. */
const RESOLUTION_MS = 10;
/** Most handshakes that are given up in one look; thousands at once would hold up every other connection. */
const SLICE = 100;

/** The handshakes that are under way on one server, and ONE timer for them: nearly all are over long before it fires. */
export class PendingHandshakes {
  readonly #clock: ServedClock;
  /** How many are under way. Written here alone; asked for each upgrade. */
  size: number = 0;
  readonly #handshakes = new Set<PendingHandshake>();
  #waiting: (() => void)[] = [];
  #timer: Timer | undefined;
  #wakeAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = ServedClock.from(clock);
  }

  /** The time that deadlines count in: without our own pauses. */
  get now(): number {
    return this.#clock.now();
  }

  add(handshake: PendingHandshake): void {
    this.size = this.#handshakes.add(handshake).size;
    this.#wakeBy(handshake.deadline);
  }

  /** Gives it `ms` milliseconds from now. */
  start(handshake: PendingHandshake, ms: number): void {
    handshake.deadline = this.#clock.now() + ms;
    this.size = this.#handshakes.add(handshake).size;
    if (handshake.deadline < this.#wakeAt) this.#wakeBy(handshake.deadline);
  }

  /** Puts the deadline elsewhere, unless it is over. */
  move(handshake: PendingHandshake, deadline: number): void {
    handshake.deadline = deadline;
    if (this.#handshakes.has(handshake)) this.#wakeBy(deadline);
  }

  /** It became a WebSocket, or was answered otherwise, or is gone. */
  delete(handshake: PendingHandshake): void {
    this.#handshakes.delete(handshake);
    this.size = this.#handshakes.size;
    if (this.size === 0 && this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Settles as soon as none is under way. For the end of a server: others may still come. */
  async over(): Promise<void> {
    if (this.#handshakes.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#handshakes.size > 0) return;
    this.#timer?.cancel();
    this.#wakeAt = Infinity;
  }

  destroy(): void {
    inSlices([...this.#handshakes], (handshake) => handshake.abort());
  }

  #wakeBy(time: number): void {
    if (time >= this.#wakeAt) return;
    this.#timer?.cancel();
    this.#wakeAt = time;
    this.#timer = this.#clock.after(Math.max(0, time - this.#clock.now()), this.#onTime);
  }

  readonly #onTime = (): void => {
    const now = this.#clock.now();
    this.#wakeAt = Infinity;
    let next = Infinity;
    let left = SLICE;
    for (const handshake of this.#handshakes) {
      if (handshake.deadline > now || left === 0) {
        next = Math.min(next, handshake.deadline);
      } else {
        left--;
        handshake.deadline = Infinity;
        handshake.expire();
      }
    }
    if (next < Infinity) this.#wakeBy(Math.max(next, now + RESOLUTION_MS));
  };
}
