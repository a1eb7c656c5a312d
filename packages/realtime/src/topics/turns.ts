/** Something that goes on in a later turn of the event loop. */
export interface Runnable {
  run(): void;
}

/** How many of them run in one turn: with portions of 16 KiB that is half a MiB to copy. */
export const RUNS_PER_TURN = 32;

/**
 * Lets many go on, a few in each turn of the event loop, so that thousands that catch up at once hold up no other.
 *
 * Each waits at least one whole turn: what core has to tell of messages that were taken back before (`missed`) is told by then.
 */
export class Turns {
  #waiting: Runnable[] = [];
  #due: Runnable[] = [];
  #at = 0;
  #isArmed = false;

  add(runnable: Runnable): void {
    this.#waiting.push(runnable);
    this.#arm();
  }

  /** The first of them at once, the others in later turns. */
  runAll(runnables: readonly Runnable[]): void {
    for (const [at, runnable] of runnables.entries()) {
      if (at < RUNS_PER_TURN) runnable.run();
      else this.add(runnable);
    }
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isArmed = false;
    const end = Math.min(this.#due.length, this.#at + RUNS_PER_TURN);
    while (this.#at < end) this.#due[this.#at++]?.run();
    if (this.#at === this.#due.length) {
      this.#due = this.#waiting;
      this.#waiting = [];
      this.#at = 0;
    }
    if (this.#due.length > 0 || this.#waiting.length > 0) this.#arm();
  };
}
