/** So long a node that is gone is remembered: longer than any cast waits. Milliseconds. */
const REMEMBERED_MS = 2000;

/** Who came and who went. */
export interface Change {
  readonly come: readonly string[];
  readonly gone: readonly string[];
}

/** The other nodes, as the broker tells of them. */
export class Nodes {
  readonly #own: string;
  #alive: readonly string[] = [];
  #others: readonly string[] = [];
  /** Nodes that have said something. */
  readonly #heard = new Set<string>();
  /** Nodes that have answered no greeting: they share the broker, and have no casts. */
  readonly #mute = new Set<string>();
  /** Nodes that are gone since a moment. */
  readonly #gone = new Map<string, number>();

  constructor(own: string) {
    this.#own = own;
  }

  /** The nodes that are alive and have casts; while the broker is down, the nodes that were alive before. */
  get others(): readonly string[] {
    return this.#others;
  }

  update(alive: readonly string[], now: number): Change {
    for (const [node, at] of this.#gone) if (now - at > REMEMBERED_MS || alive.includes(node)) this.#gone.delete(node);
    const gone = this.#others.filter((node) => !alive.includes(node));
    for (const node of gone) this.#gone.set(node, now);
    const come = alive.filter((node) => node !== this.#own && !this.#alive.includes(node));
    this.#alive = alive.filter((node) => node !== this.#own);
    for (const known of [this.#heard, this.#mute]) for (const node of known) if (!this.#alive.includes(node)) known.delete(node);
    this.#refresh();
    return { come, gone };
  }

  isHeard(node: string): boolean {
    return this.#heard.has(node);
  }

  isAlive(node: string): boolean {
    return this.#alive.includes(node);
  }

  /** It has casts. */
  hear(node: string): void {
    if (this.#heard.has(node) || !this.isAlive(node)) return;
    this.#heard.add(node);
    if (this.#mute.delete(node)) this.#refresh();
  }

  /** It seems to have none. */
  mute(node: string): void {
    this.#mute.add(node);
    this.#refresh();
  }

  /** The nodes that were alive at `at` or later, and are gone. */
  goneSince(at: number): string[] {
    return [...this.#gone].filter(([, goneAt]) => goneAt >= at).map(([node]) => node);
  }

  #refresh(): void {
    this.#others = this.#alive.filter((node) => !this.#mute.has(node));
  }
}
