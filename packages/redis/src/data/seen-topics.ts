import { Seen } from "./seen.ts";

/** Topics of which a node remembers what it has seen, though it does nothing with them now. */
const MAX_IDLE = 50_000;

/** What this node has seen of each topic with history: the same for what it publishes, subscribes and reads. */
export class SeenTopics {
  readonly #topics = new Map<string, Seen>();

  of(topic: string): Seen {
    let seen = this.#topics.get(topic);
    if (seen === undefined) this.#topics.set(topic, (seen = new Seen()));
    return seen;
  }

  /** Forgets the oldest of too many. What a subscription holds stays with it. To be called now and then. */
  sweep(isNeeded: (topic: string) => boolean): void {
    for (const topic of this.#topics.keys()) {
      if (this.#topics.size <= MAX_IDLE) return;
      if (!isNeeded(topic)) this.#topics.delete(topic);
    }
  }
}
