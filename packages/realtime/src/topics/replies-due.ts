import type { Connection } from "@upwire/core";
import type { Publication } from "./publication.ts";

/** A publish whose reply is not queued yet. */
export interface ReplyDue {
  readonly topic: string;
  readonly connection: Connection;
  /** The publication comes after this position; an empty epoch when nothing is known of the topic. */
  readonly epoch: string;
  readonly after: number;
}

/**
 * The publishes of clients that are not answered yet. A publisher gets its own publication after the reply. The broker may
 * lose it on its way here and give it in a page of the history, where it does not show whose it is: until then the publisher waits.
 */
export class RepliesDue {
  readonly #byTopic = new Map<string, Set<ReplyDue>>();

  add(due: ReplyDue): void {
    const known = this.#byTopic.get(due.topic);
    if (known === undefined) this.#byTopic.set(due.topic, new Set([due]));
    else known.add(due);
  }

  delete(due: ReplyDue): void {
    const known = this.#byTopic.get(due.topic);
    if (known?.delete(due) === true && known.size === 0) this.#byTopic.delete(due.topic);
  }

  /** The connections whose own publication this may be. */
  *waitingFor(topic: string, publication: Publication): Generator<Connection> {
    for (const due of this.#byTopic.get(topic) ?? []) if (mayBe(publication, due)) yield due.connection;
  }

  isDue(topic: string, connection: Connection, publication: Publication): boolean {
    for (const due of this.#byTopic.get(topic) ?? []) if (due.connection === connection && mayBe(publication, due)) return true;
    return false;
  }
}

function mayBe({ epoch, offset }: Publication, due: ReplyDue): boolean {
  return epoch !== due.epoch || offset > due.after;
}
