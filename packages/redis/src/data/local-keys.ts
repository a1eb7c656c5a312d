/** Keys that are remembered at the same time; of too many the oldest is forgotten. */
const MAX = 100_000;

interface LocalKey {
  readonly topic: string;
  readonly key: string;
  readonly until: number;
}

/** Keys under which something was published on this node alone, because Redis was away. */
export class LocalKeys {
  /** In the order in which they came. */
  readonly #keys = new Map<string, LocalKey>();

  has(topic: string, key: string, now: number): boolean {
    if (this.#keys.size === 0) return false;
    const known = this.#keys.get(nameOf(topic, key));
    return known !== undefined && now < known.until;
  }

  add(topic: string, key: string, until: number): void {
    this.#keys.set(nameOf(topic, key), { topic, key, until });
    if (this.#keys.size <= MAX) return;
    for (const oldest of this.#keys.keys()) {
      this.#keys.delete(oldest);
      break;
    }
  }

  /** The keys that have not expired; expired ones are forgotten. */
  entries(now: number): { readonly topic: string; readonly key: string; readonly leftMs: number }[] {
    const entries = [];
    for (const [name, { topic, key, until }] of this.#keys) {
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
