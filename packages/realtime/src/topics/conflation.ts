import type { Publication } from "./publication.ts";

/** Keys that are remembered. */
const MOST_KEYS = 1000;

/** The newest publication of each `conflate` key of one topic: a client that misses an older one has lost nothing. */
export class Conflation {
  readonly #newest = new Map<string, Publication>();

  add(key: string, publication: Publication): void {
    const before = this.#newest.get(key);
    if (before !== undefined) before.isSuperseded = true;
    this.#newest.delete(key);
    this.#newest.set(key, publication);
    if (this.#newest.size <= MOST_KEYS) return;
    for (const oldest of this.#newest.keys()) {
      this.#newest.delete(oldest);
      return;
    }
  }
}
