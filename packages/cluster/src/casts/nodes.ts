/** So long a node that is gone is remembered: longer than any cast waits. Milliseconds. */
const REMEMBERED_MS = 2000;

/** The other nodes, as the broker tells of them. */
export class Nodes {
  readonly #own: string;
  #others: readonly string[] = [];
  /** Nodes that are gone since a moment. */
  readonly #gone = new Map<string, number>();

  constructor(own: string) {
    this.#own = own;
  }

  /** Those that are alive; while the broker is down, those that were. */
  get others(): readonly string[] {
    return this.#others;
  }

  /** @returns those that are gone now. */
  update(alive: readonly string[], now: number): string[] {
    for (const [node, at] of this.#gone) if (now - at > REMEMBERED_MS || alive.includes(node)) this.#gone.delete(node);
    const gone = this.#others.filter((node) => !alive.includes(node));
    for (const node of gone) this.#gone.set(node, now);
    this.#others = alive.filter((node) => node !== this.#own);
    return gone;
  }

  /** Those that were alive at `at` or later, and are gone. */
  goneSince(at: number): string[] {
    return [...this.#gone].filter(([, goneAt]) => goneAt >= at).map(([node]) => node);
  }
}
