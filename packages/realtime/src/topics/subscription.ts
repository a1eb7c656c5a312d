import type { Connection } from "@upwire/core";
import type { GapReason, RealtimeError } from "@upwire/protocol";
import type { PageReader } from "./pages.ts";
import type { Publication } from "./publication.ts";
import type { State } from "./state.ts";

/** What a subscription does while it is no member of its topic's audience. */
export interface Phase {
  /** The client was sent everything up to here; `undefined` before it has a subscription. */
  readonly position: number | undefined;
  /** Goes on, if nothing but a turn of the event loop was waited for. */
  run(): void;
  /** A reply to a publish of this connection is queued. */
  wake(): void;
  /** A publication after `position` did not get through. */
  back(position: number): void;
  /** Leaves nothing that would still call it. */
  stop(): void;
}

/** The members of a topic, as their subscriptions see them. */
interface SubscribedMembers {
  readonly size: number;
  get(connection: Connection): Subscription | undefined;
  /** It is up to date. */
  join(subscription: Subscription): void;
  /** @returns whether it was in it. */
  delete(subscription: Subscription): boolean;
}

/** A topic, as its subscriptions see it. */
export interface SubscribedTopic {
  readonly name: string;
  readonly hasHistory: boolean;
  /** Empty before it is attached, and without history. */
  readonly epoch: string;
  /** The newest offset. Without history, a count of what was published here. */
  readonly top: number;
  /** What this node knows of the epoch begins behind this offset. */
  readonly epochStart: number;
  /** What is older is not for those that come new. Milliseconds. */
  readonly ageMs: number;
  /** Everything after this position is at hand. */
  readonly reachableFrom: number;
  readonly state: State | undefined;
  readonly pages: { need(after: number, reader: PageReader): void; leave(reader: PageReader): void };
  readonly members: SubscribedMembers;
  /** A publication that is at hand. */
  find(offset: number): Publication | undefined;
  /**
   * With history: up to where that has nothing that follows `position`, as far as is known. What this node gave up waiting for may
   * be in it by now: who comes new has it read.
   */
  forgottenAfter(position: number): number | undefined;
  /** Why what follows `position`, and is not at hand, cannot be had, and up to where; `undefined` when it may be in the history. */
  goneAfter(position: number): { readonly reason: GapReason; readonly to: number } | undefined;
  /** What follows `position`, and is not at hand, could not be had in time. */
  unreadable(position: number): void;
  /** Finds out whether its history began anew, or goes on further than is known here, and then calls `done`. */
  verify(done: (error: RealtimeError | undefined) => void): void;
  /** Whether this may be a publication of that connection, which has not had its reply. */
  isReplyDue(connection: Connection, publication: Publication): boolean;
}

export interface SubscriptionInit {
  readonly connection: Connection;
  readonly topic: SubscribedTopic;
  /** Speaks no protocol: gets no offsets, no gaps and no state, and cannot drop what comes twice. */
  readonly isPlain: boolean;
  /** The client has not asked for it. */
  readonly isJoined: boolean;
}

/**
 * One connection in one topic. Either it is live, a member of the topic's audience, and `phase` is `undefined`; or it is being
 * answered (`Opening`), or behind (`CatchUp`). It is made for each member of each topic, so it holds as little as it can.
 */
export class Subscription {
  readonly connection: Connection;
  readonly topic: SubscribedTopic;
  readonly isPlain: boolean;
  readonly isJoined: boolean;
  /** In which `floor`, and the position of a phase, count. */
  epoch = "";
  /** The position that the client was last given, by a reply or a gap: what lies before it does not concern it any more. */
  floor = 0;
  phase: Phase | undefined;
  /** The next topic of the same connection. */
  next: Subscription | undefined;

  constructor({ connection, topic, isPlain, isJoined }: SubscriptionInit) {
    this.connection = connection;
    this.topic = topic;
    this.isPlain = isPlain;
    this.isJoined = isJoined;
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
