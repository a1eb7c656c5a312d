/** Listeners may be async: their promises are watched. */
export type Listener = (...values: never[]) => unknown;

interface Entry {
  readonly name: string | symbol;
  readonly listener: Listener;
}

/** Functions of the application, by name. One that fails is reported, and the others are called all the same. */
export class Listeners extends Set<Entry> {
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    super();
    this.#report = report;
  }

  /** @returns what takes it away again */
  on(name: string | symbol, listener: Listener): () => void {
    const entry = { name, listener };
    this.add(entry);
    return () => void this.delete(entry);
  }

  /** @returns whether there was a listener */
  emit(name: string | symbol, ...values: unknown[]): boolean {
    let isHeard = false;
    for (const entry of Array.from(this)) {
      // A copy, since one that is added meanwhile waits for the next; and one before may have taken it away.
      if (entry.name !== name || !this.has(entry)) continue;
      isHeard = true;
      try {
        (entry.listener(...(values as never[])) as Partial<Promise<void>> | undefined)?.catch?.(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
    return isHeard;
  }
}
