import { FairMap } from "@upwire/cluster/broker";

/** Keys that are remembered at the same time; of too many the oldest of an owner who has the most is forgotten. */
const MAX_KEYS = 100_000;

interface LocalKey {
  readonly topic: string;
  readonly key: string;
  readonly until: number;
}

/** Keys under which something was published on this node alone, because Redis was away. */
export class LocalKeys {
  readonly #max: number;
  /** In the order in which they came. */
  readonly #keys = new FairMap<LocalKey>();

  /** @param max How many are remembered, at most. */
  constructor(max: number = MAX_KEYS) {
    this.#max = max;
  }

  has(topic: string, key: string, now: number): boolean {
    if (this.#keys.size === 0) return false;
    const known = this.#keys.get(nameOf(topic, key));
    return known !== undefined && now < known.until;
  }

  /** @param owner Whose key it is. */
  add(topic: string, key: string, { owner, until }: { readonly owner: string; readonly until: number }): void {
    this.#keys.set(nameOf(topic, key), { topic, key, until }, { owner, weight: 1 / this.#max });
    if (this.#keys.size > this.#max) this.#keys.evict();
  }

  /** The keys that have not expired; expired ones are forgotten. */
  entries(now: number): { readonly topic: string; readonly key: string; readonly leftMs: number }[] {
    const entries = [];
    for (const [name, { topic, key, until }] of this.#keys.entries()) {
      if (now < until) entries.push({ topic, key, leftMs: until - now });
      else this.#keys.delete(name);
    }
    return entries;
  }
}

/** Two topics cannot give the same. */
function nameOf(topic: string, key: string): string {
  return `${topic.length} ${topic}${key}`;
}
