import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";

interface Due {
  at: number;
  readonly every: number | undefined;
  readonly run: () => void;
}

/** Time that moves only when a test says so. */
export class FakeClock implements Clock {
  #now = 1000;
  readonly #due = new Set<Due>();

  /** Timers that are still to run. */
  get pending(): number {
    return this.#due.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    return this.#add({ at: this.#now + ms, every: undefined, run });
  }

  every(ms: number, run: () => void): Timer {
    return this.#add({ at: this.#now + ms, every: ms, run });
  }

  /** As if the process stood still for `ms` milliseconds: nothing runs. What has come due meanwhile runs at the next `advance`, late. */
  pause(ms: number): void {
    this.#now += ms;
  }

  /** Moves on by `ms` milliseconds and runs, in order, everything that comes due. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#due].filter((due) => due.at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      if (next.every === undefined) this.#due.delete(next);
      else next.at = this.#now + next.every;
      next.run();
    }
    this.#now = end;
  }

  #add(due: Due): Timer {
    this.#due.add(due);
    return { cancel: () => this.#due.delete(due) };
  }
}
