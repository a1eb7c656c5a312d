import type { Clock, Timer } from "./clock.ts";
import { inNoContext } from "./no-context.ts";

/** Time between two looks at the clock while a deadline runs: a quarter of it, within these bounds. Milliseconds. */
const SHORTEST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 500;
/** How much of the time between two looks counts: on a busy server each comes a little late. */
const LOOKS_COUNTED = 2;
/**
 * Turns of the event loop before a late deadline is judged. In one, it reads up to 49,152 sockets; the second is for the
 * first bytes of the connections that the first one has accepted.
 */
const READING_TURNS = 2;

/**
 * Time in which this process served its clients, the measure of every deadline: our own pause (a stopped process, a
 * suspended machine, a turn of the event loop that takes seconds) is not the client's fault.
 *
 * The idea: as long as a deadline runs, the clock is looked at several times before it. A look that comes later than two
 * intervals after the last one counts as two, and what lies beyond is lost: every deadline moves on by as much. Then
 * the event loop first reads what has arrived, and only after that anything is judged. A client that is really gone is
 * found later by the pause, and on a server whose every turn takes longer than two intervals later in that proportion.
 */
export class ServedClock implements Clock {
  /** `clock` itself when it is one. */
  static from(clock: Clock): ServedClock {
    return clock instanceof ServedClock ? clock : new ServedClock(clock);
  }

  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();
  /** By the base clock. */
  #seenAt = 0;
  /** The longest time between two looks that counts whole. */
  #mostCounted = Infinity;
  #pausedMs = 0;
  #lateMs = 0;
  /** What waits until the event loop has read. `undefined` when it need not read first. */
  #late: Set<Wait> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    const time = this.#clock.now();
    const excess = time - this.#seenAt - this.#mostCounted;
    return time - this.#pausedMs - (excess > 0 ? excess : 0);
  }

  /** By how much looks came late in all, what still counts as time included. Milliseconds, ever more. */
  get lateMs(): number {
    return this.#lateMs + this.#lateness(this.#clock.now());
  }

  after(ms: number, run: () => void): Timer {
    const lookMs = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, ms / 4));
    const wait: Wait = { lookMs, dueAt: 0, run, stepMs: 0, timer: undefined };
    this.#start(wait);
    wait.dueAt = this.now() + ms;
    this.#arm(wait);
    return { cancel: () => this.#end(wait) };
  }

  every(ms: number, run: () => void): Timer {
    const wait: Wait = { lookMs: ms, dueAt: -Infinity, run, stepMs: ms, timer: undefined };
    this.#start(wait);
    wait.timer = inNoContext(() => this.#clock.every(ms, () => this.#onTime(wait)));
    return { cancel: () => this.#end(wait) };
  }

  #excess(time: number): number {
    return Math.max(0, time - this.#seenAt - this.#mostCounted);
  }

  #lateness(time: number): number {
    return Math.max(0, time - this.#seenAt - this.#mostCounted / LOOKS_COUNTED);
  }

  /** @returns whether there was a pause. */
  #look(): boolean {
    const time = this.#clock.now();
    const excess = this.#excess(time);
    this.#lateMs += this.#lateness(time);
    this.#seenAt = time;
    this.#pausedMs += excess;
    return excess > 0;
  }

  #start(wait: Wait): void {
    this.#look();
    this.#waits.add(wait);
    this.#mostCounted = Math.min(this.#mostCounted, LOOKS_COUNTED * wait.lookMs);
  }

  #end(wait: Wait): void {
    wait.timer?.cancel();
    if (!this.#waits.has(wait)) return;
    this.#look();
    this.#waits.delete(wait);
    if (LOOKS_COUNTED * wait.lookMs > this.#mostCounted) return;
    this.#mostCounted = Infinity;
    for (const { lookMs } of this.#waits) this.#mostCounted = Math.min(this.#mostCounted, LOOKS_COUNTED * lookMs);
  }

  #arm(wait: Wait): void {
    const leftMs = Math.max(0, wait.dueAt - this.now());
    const looks = Math.max(1, Math.ceil(leftMs / wait.lookMs));
    const stepMs = leftMs / looks;
    wait.timer?.cancel();
    wait.stepMs = stepMs;
    wait.timer = inNoContext(() => this.#clock[looks > 1 ? "every" : "after"](stepMs, () => this.#onTime(wait)));
  }

  #onTime(wait: Wait): void {
    if (this.#look()) this.#readFirst();
    if (this.#late === undefined) this.#judge(wait);
    else this.#late.add(wait);
  }

  #readFirst(): void {
    if (this.#late !== undefined) return;
    this.#late = new Set();
    let turns = READING_TURNS;
    const turn = (): void => {
      if (--turns > 0) return void setImmediate(turn);
      const late = this.#late ?? new Set();
      this.#late = undefined;
      for (const wait of late) this.#judge(wait);
    };
    inNoContext(setImmediate, turn);
  }

  #judge(wait: Wait): void {
    // It may have been called off while the event loop was reading.
    if (!this.#waits.has(wait)) return;
    const leftMs = wait.dueAt - this.now();
    // A timer that is repeated runs on, and the last step is as long as what is left.
    if (leftMs > 0) return leftMs < wait.stepMs ? this.#arm(wait) : undefined;
    if (wait.dueAt > -Infinity) this.#end(wait);
    wait.run();
  }
}

interface Wait {
  readonly lookMs: number;
  /** By this clock. For what is repeated, always. */
  dueAt: number;
  readonly run: () => void;
  /** Between two looks of this one. */
  stepMs: number;
  timer: Timer | undefined;
}
