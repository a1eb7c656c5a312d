/** Listeners may be async: their promises are watched. */
export type Listener = (...values: never[]) => unknown;

/** Functions of the application, by name. One that fails is reported, and the others are called all the same. */
export class Listeners {
  readonly #byName = new Map<string, Set<{ readonly listener: Listener }>>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** @returns what takes it away again */
  add(name: string, listener: Listener): () => void {
    const entry = { listener };
    const entries = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, entries.add(entry));
    return () => void entries.delete(entry);
  }

  /** @returns whether there was a listener */
  emit(name: string, ...values: unknown[]): boolean {
    const entries = [...(this.#byName.get(name) ?? [])];
    for (const { listener } of entries) {
      try {
        const result = listener(...(values as never[]));
        if (result instanceof Promise) result.catch(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
    return entries.length > 0;
  }

  clear(): void {
    this.#byName.clear();
  }
}
