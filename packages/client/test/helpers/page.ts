import { vi } from "vitest";

/** Stands in for the events of a page, which Node does not have. */
export class FakePage {
  readonly document = { hidden: false };
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor() {
    vi.stubGlobal("document", this.document);
    vi.stubGlobal("addEventListener", (type: string, listener: () => void, { signal }: { signal: AbortSignal }) => {
      const listeners = this.#listeners.get(type) ?? new Set();
      this.#listeners.set(type, listeners.add(listener));
      signal.addEventListener("abort", () => listeners.delete(listener));
    });
  }

  get listening(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  fire(type: "online" | "pageshow" | "visibilitychange"): void {
    for (const listener of this.#listeners.get(type) ?? []) listener();
  }
}
