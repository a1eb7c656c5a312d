/** Numbers that look random, and are the same for the same seed and round (a counter, mixed as in splitmix32). */
export class Random {
  #state: number;

  constructor(seed: number, round: number) {
    this.#state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b9) + Math.imul(round, 0x85ebca6b);
  }

  /** From 0 up to 1, without 1. */
  share(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.share() * (most - least + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.between(0, items.length - 1)] as Item;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.between(0, 255)));
  }
}
