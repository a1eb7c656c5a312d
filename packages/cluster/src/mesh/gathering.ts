/**
 * The nodes that a new home waits for before it applies anything. Each node that is alive has to ask it first, and to repeat its subscriptions: then
 * whatever is acknowledged has been written to every member, also if the home is killed at once. Besides, two nodes that both take themselves for the
 * home do not both apply something: each of them waits for the other one.
 */
export class Gathering {
  /** By node: how many subscriptions are still to come; `undefined` before it has asked. */
  readonly #awaited = new Map<string, number | undefined>();

  constructor(nodes: Iterable<string>) {
    for (const node of nodes) this.#awaited.set(node, undefined);
  }

  get isOver(): boolean {
    return this.#awaited.size === 0;
  }

  /** The node asks this home, and repeats so many subscriptions now. */
  asks(node: string, subscriptions: number): void {
    if (!this.#awaited.has(node)) return;
    if (subscriptions === 0) this.#awaited.delete(node);
    else this.#awaited.set(node, subscriptions);
  }

  subscribed(node: string): void {
    const left = this.#awaited.get(node);
    if (left !== undefined) this.asks(node, left - 1);
  }

  /** What was on its way from the node is lost: it asks again. */
  restarted(node: string): void {
    if (!this.isOver) this.#awaited.set(node, undefined);
  }

  /** The node is not waited for any more. */
  gone(node: string): void {
    this.#awaited.delete(node);
  }
}
