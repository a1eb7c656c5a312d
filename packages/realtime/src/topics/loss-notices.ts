import { gapText } from "./frames.ts";
import type { Subscription } from "./subscription.ts";

/**
 * Gaps for live subscriptions of topics without history, whose policy took back something older: the client goes on with
 * the newest, as its policy wants, and is told of the loss once its socket takes data again.
 */
export class LossNotices {
  readonly #owed = new Set<Subscription>();
  readonly #told: () => void;

  /** @param told Is called for each. */
  constructor(told: () => void) {
    this.#told = told;
  }

  owe(subscription: Subscription): void {
    if (this.#owed.has(subscription)) return;
    this.#owed.add(subscription);
    void subscription.connection.drain().then(() => {
      this.#owed.delete(subscription);
      const { connection, topic, isAlive } = subscription;
      if (!isAlive || !connection.isOpen) return;
      this.#told();
      connection.send(gapText({ topic: topic.name, reason: "slow", place: undefined, state: undefined }), { mustArrive: true });
    });
  }
}
