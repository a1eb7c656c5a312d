interface Owner {
  readonly name: string;
  /** The names of what it has, the oldest first. */
  readonly names: Set<string>;
  weight: number;
  level: number;
}

interface Entry<Value> {
  readonly owner: Owner;
  readonly weight: number;
  readonly value: Value;
}

/** Levels of weight, each twice the one below. The lowest has all that is lighter, the highest all that is heavier. */
const LEVELS = 32;
/** That of the weights from 1 to 2. */
const LEVEL_OF_ONE = 30;

/**
 * What many owners keep under one bound: a map that knows whose each entry is. When the bound is reached, `evict` takes from an
 * owner who has the most, so that no owner can push out what the others have.
 *
 * Who has the most is known without a search: owners stand on levels, by the power of two of the weight of all that they have.
 * So an owner who is evicted from has at least half as much as any other.
 */
export class FairMap<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #owners = new Map<string, Owner>();
  readonly #levels: readonly Set<Owner>[] = Array.from({ length: LEVELS }, () => new Set<Owner>());

  get size(): number {
    return this.#entries.size;
  }

  get(name: string): Value | undefined {
    return this.#entries.get(name)?.value;
  }

  /**
   * Puts an entry behind all others, in place of one of its name.
   * @param owner Whose it is.
   * @param weight Which part of the bound it takes: more than 0, and 1 for all of it.
   */
  set(name: string, value: Value, { owner, weight }: { readonly owner: string; readonly weight: number }): void {
    this.delete(name);
    let known = this.#owners.get(owner);
    if (known === undefined) {
      known = { name: owner, names: new Set(), weight: 0, level: 0 };
      this.#owners.set(owner, known);
    }
    known.names.add(name);
    this.#entries.set(name, { owner: known, weight, value });
    this.#weigh(known, weight);
  }

  /** @returns what it was, if it was there. */
  delete(name: string): Value | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const { owner, weight, value } = entry;
    this.#entries.delete(name);
    owner.names.delete(name);
    this.#weigh(owner, -weight);
    return value;
  }

  /** Whether no owner has more entries than this one. */
  hasMost(owner: string): boolean {
    const known = this.#owners.get(owner);
    return known !== undefined && known.level === this.#highest()?.level;
  }

  /** Takes out the oldest entry of an owner who has the most. @returns its name and what it was, if there was one. */
  evict(): readonly [name: string, value: Value] | undefined {
    for (const name of this.#highest()?.names ?? []) return [name, this.delete(name) as Value];
    return undefined;
  }

  /** From the oldest to the newest. */
  *entries(): Generator<readonly [name: string, value: Value, owner: string]> {
    for (const [name, { value, owner }] of this.#entries) yield [name, value, owner.name];
  }

  clear(): void {
    this.#entries.clear();
    this.#owners.clear();
    for (const level of this.#levels) level.clear();
  }

  #highest(): Owner | undefined {
    for (let level = LEVELS - 1; level >= 0; level--) for (const owner of this.#levels[level] ?? []) return owner;
    return undefined;
  }

  #weigh(owner: Owner, change: number): void {
    owner.weight += change;
    const level = Math.min(LEVELS - 1, Math.max(0, LEVEL_OF_ONE + Math.floor(Math.log2(Math.max(owner.weight, Number.MIN_VALUE)))));
    const isGone = owner.names.size === 0;
    if (isGone) this.#owners.delete(owner.name);
    if (isGone || level !== owner.level) this.#levels[owner.level]?.delete(owner);
    if (isGone) return;
    owner.level = level;
    this.#levels[level]?.add(owner);
  }
}
