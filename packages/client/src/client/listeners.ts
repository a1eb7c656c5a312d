/** Listeners may be async: their promises are watched. */
export type Listener = (...values: never[]) => unknown;

/** Functions of the application, by name. One that fails is reported, and the others are called all the same. */
export class Listeners {
  readonly #entries = new Set<{ readonly name: string | symbol; readonly listener: Listener }>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** @returns what takes it away again */
  add(name: string | symbol, listener: Listener): () => void {
    const entry = { name, listener };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** @returns whether there was a listener */
  emit(name: string | symbol, ...values: unknown[]): boolean {
    let isHeard = false;
    for (const entry of Array.from(this.#entries)) {
      // A copy, since one that is added meanwhile waits for the next; and one before may have taken it away.
      if (entry.name !== name || !this.#entries.has(entry)) continue;
      isHeard = true;
      try {
        const result = entry.listener(...(values as never[]));
        if (result instanceof Promise) result.catch(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
    return isHeard;
  }

  clear(): void {
    this.#entries.clear();
  }
}
