import { gapText } from "./frames.ts";
import type { TopicSetup } from "./setup.ts";
import type { Subscription } from "./subscription.ts";

/**
 * Gaps for live subscriptions of topics without history, whose policy took back something older: the client goes on with
 * the newest, as its policy wants, and is told of the loss once its socket takes data again.
 */
export class LossNotices {
  readonly #owed = new Set<Subscription>();
  readonly #setup: Pick<TopicSetup, "turns" | "stats">;

  constructor(setup: Pick<TopicSetup, "turns" | "stats">) {
    this.#setup = setup;
  }

  owe(subscription: Subscription): void {
    if (this.#owed.has(subscription)) return;
    this.#owed.add(subscription);
    const run = (): void => this.#tell(subscription);
    // By that turn core has told of all that was taken back: one gap for all of it.
    void subscription.connection.drain().then(() => this.#setup.turns.add({ run }));
  }

  #tell(subscription: Subscription): void {
    this.#owed.delete(subscription);
    const { connection, topic, isAlive } = subscription;
    if (!isAlive || !connection.isOpen) return;
    this.#setup.stats.gaps++;
    connection.send(gapText({ topic: topic.name, reason: "slow", place: undefined, state: undefined }), { mustArrive: true });
  }
}
