/** Milliseconds. */
const STEP_MS = 50;
/** Live again within a second of the server's return means: ask at least twice in it. */
const MOST_MS = 500;

/**
 * How long to wait before the next try: each time a step longer, so that a server that is back after a short restart is found soon; and each
 * node another time, so that they do not all come at once.
 */
export class BackOff {
  #tries = 0;

  next(): number {
    const ms = Math.min(STEP_MS * ++this.#tries, MOST_MS);
    return ms * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#tries = 0;
  }
}
