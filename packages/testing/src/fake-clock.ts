import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";

interface Due {
  at: number;
  readonly number: number;
  readonly everyMs: number | undefined;
  /** `undefined` once it was called off. */
  run: (() => void) | undefined;
}

/** Time that moves only when a test says so: for the option `clock`. */
export class FakeClock implements Clock {
  #now: number;
  #number = 0;
  /** A binary heap: the one that is due first stands first. */
  readonly #heap: Due[] = [];

  /** @param now Milliseconds. @default 1000 */
  constructor(now: number = 1000) {
    this.#now = now;
  }

  /** When the next timer is due; `Infinity` when there is none. */
  get nextAt(): number {
    while (this.#heap.length > 0 && this.#heap[0]?.run === undefined) this.#pop();
    return this.#heap[0]?.at ?? Infinity;
  }

  /** Timers that are still to run. */
  get pending(): number {
    return this.#heap.reduce((sum, { run }) => sum + (run === undefined ? 0 : 1), 0);
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    return this.#add({ at: this.#now + Math.max(0, ms), number: this.#number++, everyMs: undefined, run });
  }

  every(ms: number, run: () => void): Timer {
    return this.#add({ at: this.#now + ms, number: this.#number++, everyMs: ms, run });
  }

  /** Moves on by `ms` milliseconds and runs, in order, everything that comes due. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let at = this.nextAt; at <= end; at = this.nextAt) {
      const due = this.#pop() as Due;
      this.#now = Math.max(this.#now, at);
      const { run, everyMs } = due;
      if (everyMs === undefined) due.run = undefined;
      else this.#push(Object.assign(due, { at: this.#now + everyMs }));
      run?.();
    }
    this.#now = end;
  }

  #add(due: Due): Timer {
    this.#push(due);
    return { cancel: () => void (due.run = undefined) };
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent] as Due, due)) break;
      heap[at] = heap[parent] as Due;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): Due | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++;
      if (isBefore(last, heap[child] as Due)) break;
      heap[at] = heap[child] as Due;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.number < other.number);
}
