/** Things that happen, one after the other, for a test that awaits them. */
export class Channel<Item> {
  readonly #items: Item[] = [];
  readonly #waiting: { readonly take: (item: Item) => void; readonly fail: (error: Error) => void }[] = [];
  #failure: Error | undefined;

  /** How many have come and are not taken yet. */
  get size(): number {
    return this.#items.length;
  }

  push(item: Item): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting.take(item);
  }

  /** The end: what came before can still be taken, then every `next` rejects with `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { fail } of this.#waiting.splice(0)) fail(this.#failure);
  }

  /** The oldest that is not taken yet. Rejects after `timeoutMs`; `Infinity` waits for `fail`. */
  async next(timeoutMs = 3000): Promise<Item> {
    if (this.#items.length > 0) return this.#items.shift() as Item;
    if (this.#failure !== undefined) throw this.#failure;
    if (timeoutMs === Infinity) return new Promise((take, fail) => this.#waiting.push({ take, fail }));
    // Made here, so that its stack names the test that waits.
    const late = new Error(`nothing came within ${timeoutMs} ms`);
    return new Promise((resolve, reject) => {
      const waiting = {
        take: (item: Item): void => {
          clearTimeout(timer);
          resolve(item);
        },
        fail: (error: Error): void => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(late);
      }, timeoutMs);
      this.#waiting.push(waiting);
    });
  }
}
