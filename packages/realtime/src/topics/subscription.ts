import type { Connection } from "@upwire/core";
import type { Publication } from "./publication.ts";
import type { Topic } from "./topic.ts";

/** What a subscription does while it is no member of its topic's audience. */
export interface Phase {
  /** Goes on, if nothing but a turn of the event loop was waited for. */
  run(): void;
  /** A reply to a publish of this connection is queued. */
  wake(): void;
  /** A publication after `position` did not get through. */
  back(position: number): void;
  /** Leaves nothing that would still call it. */
  stop(): void;
}

export interface SubscriptionInit {
  readonly connection: Connection;
  readonly topic: Topic;
  /** Speaks no protocol: gets no offsets, no gaps and no state, and cannot drop what comes twice. */
  readonly isPlain: boolean;
}

/**
 * One connection in one topic. Either it is live, a member of the topic's audience, and `phase` is `undefined`; or it is being
 * answered (`Opening`), or behind (`CatchUp`). It is made for each member of each topic, so it holds as little as it can.
 */
export class Subscription {
  readonly connection: Connection;
  readonly topic: Topic;
  readonly isPlain: boolean;
  /** In which `floor`, and the position of a phase, count. */
  epoch = "";
  /** The position that the client was last given, by a reply or a gap: what lies before it does not concern it any more. */
  floor = 0;
  phase: Phase | undefined;
  /** The next topic of the same connection. */
  next: Subscription | undefined;

  constructor({ connection, topic, isPlain }: SubscriptionInit) {
    this.connection = connection;
    this.topic = topic;
    this.isPlain = isPlain;
  }

  get isAlive(): boolean {
    return this.topic.members.get(this.connection) === this;
  }

  /** Whether the client can tell what it has by the offset. */
  get hasPosition(): boolean {
    return !this.isPlain && this.topic.hasHistory;
  }

  /** Gives the client a position. */
  place(epoch: string, offset: number): void {
    this.epoch = epoch;
    this.floor = offset;
  }

  /** Whether a publication that did not get through is one that the client waits for. */
  concerns({ epoch, offset }: Publication): boolean {
    return epoch === this.epoch && offset > this.floor;
  }
}
