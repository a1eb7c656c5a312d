/** What came and was not looked at yet, in its order. */
export class Inbox<Item> {
  readonly #items: Item[] = [];
  #wake: (() => void) | undefined;

  put(item: Item): void {
    this.#items.push(item);
    this.#wake?.();
  }

  get rest(): readonly Item[] {
    return this.#items;
  }

  /** Takes the first item that fits, and waits for one at most `timeoutMs`. @returns `undefined` if none came. */
  async take(timeoutMs: number, fits: (item: Item) => boolean = () => true): Promise<Item | undefined> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const index = this.#items.findIndex(fits);
      if (index >= 0) return this.#items.splice(index, 1)[0];
      const left = until - performance.now();
      if (left <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
