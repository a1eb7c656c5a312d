/** What casts take that wait for the broker to start, at most. Bytes. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What each takes beside its data, about. */
const ENTRY_BYTES = 100;

/** What waits for the broker to start, which may take many seconds. */
export class UntilStarted {
  #waiting: (() => void)[] = [];
  #bytes = 0;

  /** @param bytes What `run` holds. @returns false when that would be too much: then it is not kept. */
  add(run: () => void, bytes: number): boolean {
    if (this.#bytes + ENTRY_BYTES + bytes > MAX_BYTES) return false;
    this.#bytes += ENTRY_BYTES + bytes;
    this.#waiting.push(run);
    return true;
  }

  /** It has started, or never will. */
  run(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const run of waiting) run();
  }
}
