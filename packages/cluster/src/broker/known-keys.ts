import type { Position } from "@upwire/protocol";

/** What a publish has come to: its place in the history, if the topic has one. */
export interface Placed {
  readonly position: Position | undefined;
}

interface Known {
  readonly placed: Placed;
  /** By the broker's clock. */
  readonly until: number;
}

/** What was published under a key, until that expires. Of too many the oldest is forgotten. */
export class KnownKeys {
  readonly #max: number;
  /** In the order in which they came. */
  readonly #known = new Map<string, Known>();

  constructor(max: number) {
    this.#max = max;
  }

  find(topic: string, key: string, now: number): Placed | undefined {
    const known = this.#known.get(nameOf(topic, key));
    return known !== undefined && now < known.until ? known.placed : undefined;
  }

  add(topic: string, key: string, placed: Placed, until: number, now: number): void {
    const name = nameOf(topic, key);
    this.#known.delete(name);
    this.#known.set(name, { placed, until });
    // Nearly all of them live equally long: those that have expired stand in front.
    for (const [oldest, known] of this.#known) {
      if (this.#known.size <= this.#max && now < known.until) break;
      this.#known.delete(oldest);
    }
  }

  /** Those that have not expired. */
  *entries(now: number): Generator<readonly [name: string, placed: Placed, leftMs: number]> {
    for (const [name, { placed, until }] of this.#known) if (now < until) yield [name, placed, until - now];
  }

  /** Puts back what `entries` gave. */
  restore(name: string, placed: Placed, until: number): void {
    if (this.#known.size < this.#max) this.#known.set(name, { placed, until });
  }

  clear(): void {
    this.#known.clear();
  }
}

/** Two topics cannot give the same. */
function nameOf(topic: string, key: string): string {
  return `${topic.length} ${topic}${key}`;
}
