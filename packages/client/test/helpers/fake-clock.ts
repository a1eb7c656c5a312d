import type { Clock, Timer } from "@upwire/client";

interface Due {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Time that moves only when a test says so. A heap, so that ten thousand clients are no matter. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #order = 0;
  readonly #heap: Due[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    // Whole milliseconds, as real timers have.
    const due: Due = { at: Math.ceil(this.#now + Math.max(0, ms)), order: this.#order++, run };
    this.#push(due);
    return { cancel: () => void (due.run = undefined) };
  }

  /** Timers that are still to run. */
  get pending(): number {
    return this.#heap.filter(({ run }) => run !== undefined).length;
  }

  /** As if the process stood still for `ms` milliseconds: what has come due meanwhile runs at the next `advance`, late. */
  pause(ms: number): void {
    this.#now += ms;
  }

  /** Moves on by `ms` milliseconds and runs, in order, everything that comes due; promises settle between two timers. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      if (next.run === undefined) continue;
      this.#now = Math.max(this.#now, next.at);
      next.run();
      // Timers of one moment are one turn.
      if (this.#heap[0]?.at !== next.at) await settle();
    }
    this.#now = end;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, due)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = index * 2 + 1;
      const [one, two] = [heap[left], heap[left + 1]];
      const least = one && two && isBefore(two, one) ? two : one;
      if (least === undefined || isBefore(last, least)) break;
      heap[index] = least;
      index = least === one ? left : left + 1;
    }
    heap[index] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Lets every promise settle that waits for no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
