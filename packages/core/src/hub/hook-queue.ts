import { guard } from "../base/guard.ts";
import { inNoContext } from "../base/no-context.ts";
import { channels } from "../base/channels.ts";

interface Event {
  readonly tell: () => unknown;
  readonly connection: object | undefined;
}

/**
 * The hooks of an audience, called one after the other in the order of what they tell: also when one of them changes members, so
 * that no other hears of a departure before the arrival. What a hook throws, or its promise is rejected with, goes to the
 * channel `upwire:error`.
 */
export class HookQueue {
  #waiting: Event[] = [];
  #isRunning = false;

  /** Notes what is to be told, and of which connection, if it is of one. */
  add(connection: object | undefined, tell: () => unknown): void {
    this.#waiting.push({ connection, tell });
  }

  /** Calls what was noted. To be called when everything has changed that a hook may ask for. */
  run(): void {
    if (this.#isRunning || this.#waiting.length === 0) return;
    this.#isRunning = true;
    inNoContext(() => {
      // What hooks add comes behind. Batch by batch, so that a chain of hooks keeps nothing of those that are over.
      while (this.#waiting.length > 0) {
        const batch = this.#waiting;
        this.#waiting = [];
        for (const { tell, connection } of batch) guard(tell, (error) => channels.error.publish(connection === undefined ? { error } : { error, connection }));
      }
    });
    this.#isRunning = false;
  }
}
