import type { Clock } from "@upwire/core";

/** Milliseconds. With a renewal each second, a node that ends without a word is gone from the others within 5 s. */
export const LEASE_MS = 3500;

/** Which nodes are alive, as Redis tells it. */
export class Roster {
  readonly #clock: Clock;
  readonly #changed: (alive: readonly string[]) => void;
  #alive: readonly string[] = [];
  /** Until then no node is dropped that was there before. */
  #mildUntil = 0;

  constructor(clock: Clock, changed: (alive: readonly string[]) => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  get alive(): readonly string[] {
    return this.#alive;
  }

  /** Redis may have lost the leases: the other nodes get the time of one to take theirs again. */
  forgive(): void {
    this.#mildUntil = this.#clock.now() + LEASE_MS;
  }

  set(listed: readonly string[]): void {
    const nodes = this.#clock.now() < this.#mildUntil ? new Set([...listed, ...this.#alive]) : new Set(listed);
    this.#show([...nodes].toSorted());
  }

  /** Until Redis names them again. */
  drop(nodes: readonly string[]): void {
    this.#show(this.#alive.filter((node) => !nodes.includes(node)));
  }

  /** Without a word to anyone. */
  clear(): void {
    this.#alive = [];
  }

  #show(alive: readonly string[]): void {
    if (alive.join() === this.#alive.join()) return;
    this.#alive = alive;
    this.#changed(alive);
  }
}
