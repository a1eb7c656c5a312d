import { createSlot, type Connection } from "@upwire/core";

/** Runs what the messages of one client ask for in their order: at once, unless something of it still runs. */
export class InTurn {
  readonly #last = createSlot<Promise<void>>();

  /** @returns a promise where there is something to wait for. It rejects with what `task` throws. */
  run(connection: Connection, task: () => Promise<void> | void): Promise<void> | void {
    const before = this.#last.get(connection);
    const running = before === undefined ? task() : before.then(task);
    if (running === undefined) return undefined;
    const settled: Promise<void> = running
      .catch(() => {})
      .then(() => {
        if (this.#last.get(connection) === settled) this.#last.delete(connection);
      });
    this.#last.set(connection, settled);
    return running;
  }
}
