/** Counts what is not finished, for a close that waits for it. */
export class UnderWay {
  #count = 0;
  readonly #waiting: (() => void)[] = [];

  begin(count: number): void {
    this.#count += count;
  }

  end(count: number): void {
    this.#count -= count;
    if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Fulfils when nothing is under way. */
  idle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => void this.#waiting.push(resolve));
  }
}
