import type { TopicHistory } from "./topic-history.ts";

/**
 * The topics that can give something up, the one whose last activity is oldest first. Topics with the same age bound stand in
 * one line, so the first of each line is the next one that is due: no topic is looked at before its time.
 */
export class IdleTopics {
  readonly #lines = new Map<number, Map<string, TopicHistory>>();

  /** Puts `topic` at the end of its line. */
  add(topic: TopicHistory): void {
    let line = this.#lines.get(topic.bounds.ageMs);
    if (line === undefined) this.#lines.set(topic.bounds.ageMs, (line = new Map()));
    line.delete(topic.topic);
    line.set(topic.topic, topic);
  }

  delete(topic: TopicHistory): void {
    const line = this.#lines.get(topic.bounds.ageMs);
    if (line?.delete(topic.topic) && line.size === 0) this.#lines.delete(topic.bounds.ageMs);
  }

  has(topic: TopicHistory): boolean {
    return this.#lines.get(topic.bounds.ageMs)?.has(topic.topic) === true;
  }

  /** The one that has been idle the longest. */
  oldest(): TopicHistory | undefined {
    return this.#first((topic) => topic.activeAt);
  }

  /** The one whose age bound passes first. */
  nextDue(): TopicHistory | undefined {
    return this.#first(dueAt);
  }

  clear(): void {
    this.#lines.clear();
  }

  #first(order: (topic: TopicHistory) => number): TopicHistory | undefined {
    let first: TopicHistory | undefined;
    for (const line of this.#lines.values()) {
      for (const topic of line.values()) {
        if (first === undefined || order(topic) < order(first)) first = topic;
        break;
      }
    }
    return first;
  }
}

/** When nothing of `topic` is within its age bound any more. */
export function dueAt({ activeAt, bounds }: TopicHistory): number {
  return activeAt + bounds.ageMs;
}
