import type { Publication } from "./publication.ts";

/** So many free places at the front are worth moving the rest. */
const MOST_FREE = 64;

export interface RecentBounds {
  readonly messages: number;
  readonly bytes: number;
}

/** The newest publications of one topic, without a hole: a cache of what the broker has too. */
export class Recent {
  readonly #bounds: RecentBounds;
  readonly #budget: CacheBudget;
  #kept: (Publication | undefined)[] = [];
  #head = 0;
  /** Of the newest one. */
  #last = 0;
  #bytes = 0;

  constructor(bounds: RecentBounds, budget: CacheBudget) {
    this.#bounds = bounds;
    this.#budget = budget;
  }

  get size(): number {
    return this.#kept.length - this.#head;
  }

  /** The offset of the oldest one; meaningless when there is none. */
  get first(): number {
    return this.#last + 1 - this.size;
  }

  get(offset: number): Publication | undefined {
    const at = offset - this.first;
    return at < 0 ? undefined : this.#kept[this.#head + at];
  }

  /** Takes the newest one. One that leaves a hole begins anew. */
  push(publication: Publication): void {
    if (publication.offset !== this.#last + 1) this.clear();
    this.#last = publication.offset;
    this.#kept.push(publication);
    this.#grow(publication.cost);
    const { messages, bytes } = this.#bounds;
    while (this.size > messages || this.#bytes > bytes) this.#shift();
    this.#budget.used(this);
  }

  /** Puts older ones in front, as many as there is room for, when they end where these begin. @param top Of the topic. */
  prepend(older: readonly Publication[], top: number): void {
    const last = older.at(-1);
    if (last === undefined || last.offset + 1 !== (this.size === 0 ? top + 1 : this.first)) return;
    const kept = this.#kept.slice(this.#head);
    const added: Publication[] = [];
    let cost = this.#bytes;
    for (const publication of older.toReversed()) {
      cost += publication.cost;
      if (added.length + kept.length === this.#bounds.messages || cost > this.#bounds.bytes) break;
      added.push(publication);
    }
    this.#last = this.size === 0 ? top : this.#last;
    this.#kept = [...added.toReversed(), ...kept];
    this.#head = 0;
    for (const publication of added) this.#grow(publication.cost);
    this.#budget.used(this);
  }

  clear(): void {
    this.#grow(-this.#bytes);
    this.#kept = [];
    this.#head = 0;
    this.#budget.forget(this);
  }

  #shift(): void {
    const oldest = this.#kept[this.#head];
    if (oldest === undefined) return;
    this.#grow(-oldest.cost);
    this.#kept[this.#head++] = undefined;
    if (this.#head < MOST_FREE) return;
    this.#kept = this.#kept.slice(this.#head);
    this.#head = 0;
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.grow(bytes);
  }
}

/** Bounds all caches together: the one that was not used for the longest time is emptied first. */
export class CacheBudget {
  readonly #maxBytes: number;
  readonly #caches = new Set<Recent>();
  #latest: Recent | undefined;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  used(cache: Recent): void {
    if (this.#latest !== cache) {
      this.#latest = cache;
      this.#caches.delete(cache);
      this.#caches.add(cache);
    }
    if (this.#bytes <= this.#maxBytes) return;
    for (const oldest of this.#caches) {
      if (this.#bytes <= this.#maxBytes || oldest === cache) return;
      oldest.clear();
    }
  }

  forget(cache: Recent): void {
    this.#caches.delete(cache);
    if (this.#latest === cache) this.#latest = undefined;
  }
}
