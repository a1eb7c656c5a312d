/** Milliseconds. */
const FIRST_MS = 50;
/** Live again within a second of the server's return means: ask at least twice in it. */
const MOST_MS = 500;

/** How long to wait before the next try: doubling, and each node another time, so that they do not all come at once. */
export class BackOff {
  #tries = 0;

  next(): number {
    const ms = Math.min(FIRST_MS * 2 ** this.#tries++, MOST_MS);
    return ms * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#tries = 0;
  }
}
