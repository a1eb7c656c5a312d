import type { Position } from "@upwire/protocol";
import { FairMap } from "./fair-map.ts";

/** How long a key is remembered unless the publish says it. Milliseconds. */
export const DEFAULT_KEY_MS = 120_000;

/** What a publish has come to: its place in the history, if the topic has one. */
export interface Placed {
  readonly position: Position | undefined;
}

/** What is known of a key. */
export interface Known extends Placed {
  /** Whose key it is. */
  readonly owner: string;
  /** By the broker's clock. */
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

  find(topic: string, key: string, now: number): Placed | undefined {
    const known = this.#known.get(nameOf(topic, key));
    return known !== undefined && now < known.until ? known : undefined;
  }

  add(topic: string, key: string, known: Known, now: number): void {
    this.#set(nameOf(topic, key), known);
    // Nearly all of them live equally long: those that have expired stand in front.
    for (const [oldest, { until }] of this.#known.entries()) {
      if (now < until) break;
      this.#known.delete(oldest);
    }
    while (this.#known.size > this.#max) this.#known.evict();
  }

  /** Those that have not expired. */
  *entries(now: number): Generator<readonly [name: string, known: Known]> {
    for (const [name, known] of this.#known.entries()) if (now < known.until) yield [name, known];
  }

  /** Puts back what `entries` gave. */
  restore(name: string, known: Known): void {
    if (this.#known.size < this.#max) this.#set(name, known);
  }

  clear(): void {
    this.#known.clear();
  }

  #set(name: string, known: Known): void {
    this.#known.set(name, known, { owner: known.owner, weight: 1 / Math.max(1, this.#max) });
  }
}

/** Two topics cannot give the same. */
function nameOf(topic: string, key: string): string {
  return `${topic.length} ${topic}${key}`;
}
