import type { Subscription } from "./subscription.ts";

/** Each topic with history is asked for its position so often, so that a loss that no cut explains shows too. Milliseconds. */
const AUDIT_MS = 5000;
/** Positions that one audit asks for, where there are not so many topics that they would be forgotten by the engine. */
const AUDIT_TOPICS = 1000;
/** A topic must be asked for so often, or the engine forgets it. Milliseconds. */
const ALIVE_MS = 10_000;

/** Says which topics with history are to be asked for their position: each comes round every few seconds. */
export class Audit {
  /** Where the next look begins: the subscriptions from here on have waited longest. */
  #next: Iterator<Subscription> | undefined;

  /** To be called each second. */
  due(kept: ReadonlySet<Subscription>, now: number): Subscription[] {
    const due: Subscription[] = [];
    const most = Math.max(AUDIT_TOPICS, Math.ceil((kept.size * 1000) / ALIVE_MS));
    for (let looked = 0; looked < kept.size && due.length < most; looked++) {
      const next = this.#take(kept);
      if (next === undefined) break;
      if (!next.isDoubtful && now - next.askedAt < Math.min(AUDIT_MS, ALIVE_MS)) continue;
      due.push(next);
    }
    return due;
  }

  #take(kept: ReadonlySet<Subscription>): Subscription | undefined {
    for (let tries = 0; tries < 2; tries++) {
      this.#next ??= kept.values();
      const { done, value } = this.#next.next();
      if (done !== true) return value;
      this.#next = undefined;
    }
    return undefined;
  }
}
