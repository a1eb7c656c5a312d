import type { PendingCast } from "./pending-cast.ts";

/** So many free places at the front are worth moving the rest. */
const MIN_MOVED = 1024;

/**
 * The casts that wait, by their numbers, which follow each other: an array whose front places fall free, and which is moved up
 * once half of it is free. A map takes three times as long.
 */
export class CastWindow {
  #places: (PendingCast | undefined)[] = [];
  /** The number that the first place stands for. */
  #base: number;
  /** All places before this one are free. */
  #head = 0;
  #size = 0;

  /** @param first The number of the first cast. */
  constructor(first: number) {
    this.#base = first;
  }

  get size(): number {
    return this.#size;
  }

  /** The number of the next cast. */
  get next(): number {
    return this.#base + this.#places.length;
  }

  /** Takes the next cast. */
  add(cast: PendingCast): void {
    this.#places.push(cast);
    this.#size++;
  }

  /** The next number belongs to a cast that does not wait. */
  skip(): void {
    this.#places.push(undefined);
    this.#moveUp();
  }

  has(cast: PendingCast): boolean {
    return this.#places[cast.number - this.#base] === cast;
  }

  delete(cast: PendingCast): void {
    if (!this.has(cast)) return;
    this.#places[cast.number - this.#base] = undefined;
    this.#size--;
    this.#moveUp();
  }

  /** Calls `act` with the casts of a run that wait; it may delete them. A wrong run may be far too long. */
  forRun(first: number, count: number, act: (cast: PendingCast) => void): void {
    const from = Math.max(first, this.#base + this.#head);
    const to = Math.min(first + count, this.next);
    for (let number = from; number < to; number++) {
      const cast = this.#places[number - this.#base];
      if (cast !== undefined) act(cast);
    }
  }

  /** The oldest first. `act` may delete the one that it gets; with `false` it ends this. */
  forEach(act: (cast: PendingCast) => boolean): void {
    const to = this.next;
    for (let number = this.#base + this.#head; number < to; number++) {
      const cast = this.#places[number - this.#base];
      if (cast !== undefined && !act(cast)) return;
    }
  }

  #moveUp(): void {
    const places = this.#places;
    while (this.#head < places.length && places[this.#head] === undefined) this.#head++;
    if (this.#head < MIN_MOVED || this.#head * 2 < places.length) return;
    this.#places = places.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }
}
