import type { PublishResult } from "./broker.ts";

interface Known {
  readonly result: PublishResult;
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

  find(topic: string, key: string, now: number): PublishResult | undefined {
    const known = this.#known.get(nameOf(topic, key));
    return known !== undefined && now < known.until ? known.result : undefined;
  }

  add(topic: string, key: string, result: PublishResult, until: number, now: number): void {
    const name = nameOf(topic, key);
    this.#known.delete(name);
    this.#known.set(name, { result, until });
    // Nearly all of them live equally long: those that have expired stand in front.
    for (const [oldest, known] of this.#known) {
      if (this.#known.size <= this.#max && now < known.until) break;
      this.#known.delete(oldest);
    }
  }

  /** Those that have not expired. */
  *entries(now: number): Generator<readonly [name: string, result: PublishResult, leftMs: number]> {
    for (const [name, { result, until }] of this.#known) if (now < until) yield [name, result, until - now];
  }

  /** Puts back what `entries` gave. */
  restore(name: string, result: PublishResult, until: number): void {
    if (this.#known.size < this.#max) this.#known.set(name, { result, until });
  }

  clear(): void {
    this.#known.clear();
  }
}

/** Two topics cannot give the same. */
function nameOf(topic: string, key: string): string {
  return `${topic.length} ${topic}${key}`;
}
