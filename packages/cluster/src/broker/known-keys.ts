import type { PublishResult } from "./broker.ts";
import { FairMap } from "./fair-map.ts";

interface Known {
  readonly result: PublishResult;
  /** By the broker's clock. */
  readonly until: number;
}

/** A publish under a key, whose it is, and until when it is known. */
export interface KeyedResult {
  readonly result: PublishResult;
  readonly owner: string;
  readonly until: number;
}

/** What was published under a key, until that expires. Of too many the oldest of an owner who has the most is forgotten. */
export class KnownKeys {
  readonly #max: number;
  /** In the order in which they came. */
  readonly #known = new FairMap<Known>();

  constructor(max: number) {
    this.#max = max;
  }

  find(topic: string, key: string, now: number): PublishResult | undefined {
    const known = this.#known.get(nameOf(topic, key));
    return known !== undefined && now < known.until ? known.result : undefined;
  }

  add(topic: string, key: string, keyed: KeyedResult, now: number): void {
    this.#set(nameOf(topic, key), keyed);
    // Nearly all of them live equally long: those that have expired stand in front.
    for (const [oldest, { until }] of this.#known.entries()) {
      if (now < until) break;
      this.#known.delete(oldest);
    }
    while (this.#known.size > this.#max) this.#known.evict();
  }

  /** Those that have not expired. */
  *entries(now: number): Generator<readonly [name: string, result: PublishResult, leftMs: number, owner: string]> {
    for (const [name, { result, until }, owner] of this.#known.entries()) if (now < until) yield [name, result, until - now, owner];
  }

  /** Puts back what `entries` gave. */
  restore(name: string, keyed: KeyedResult): void {
    if (this.#known.size < this.#max) this.#set(name, keyed);
  }

  clear(): void {
    this.#known.clear();
  }

  #set(name: string, { result, owner, until }: KeyedResult): void {
    this.#known.set(name, { result, until }, { owner, weight: 1 / Math.max(1, this.#max) });
  }
}

/** Two topics cannot give the same. */
function nameOf(topic: string, key: string): string {
  return `${topic.length} ${topic}${key}`;
}
