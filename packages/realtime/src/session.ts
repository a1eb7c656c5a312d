import type { Connection } from "@upwire/core";
import type { RealtimeError } from "@upwire/protocol";
import type { Lines } from "./lines.ts";
import type { Subscription } from "./topics/subscription.ts";

/** What came from a client, and is not answered yet. */
export interface Unanswered {
  /** The client cancels it. @returns whether that can be. */
  cancel(): boolean;
  /** The connection is over: there is no one to answer. */
  leave(reason: RealtimeError): void;
}

/** A subscribe that a later one, or an unsubscribe, takes the place of. */
export interface Asking {
  fail(reason: RealtimeError): void;
}

export interface SessionInit<User> {
  readonly connection: Connection<User>;
  readonly isPlain: boolean;
  readonly userId: string | undefined;
}

/** What a realtime knows of one connection. An idle one is to be small: what few have is made when it is needed. */
export class Session<User> {
  readonly connection: Connection<User>;
  /** Speaks no `upwire.v1`. */
  readonly isPlain: boolean;
  /** Of `identified`. */
  userId: string | undefined;
  /** The user whose id is known; the application may set another one. */
  identified: User;
  /** Of the topics. */
  firstSubscription: Subscription | undefined;
  /** How much came and is not answered yet. */
  running = 0;
  /** That of it which has an id. */
  unanswered: Map<number, Unanswered> | undefined;
  /** By topic: the subscribe that counts, while `canSubscribe` is asked. */
  asking: Map<string, Asking> | undefined;
  /** Publishes that are being looked at, in the order of each topic. */
  publishing: Lines | undefined;
  /** When the first bad frame of this window came. */
  badSince = 0;
  badFrames = 0;

  constructor({ connection, isPlain, userId }: SessionInit<User>) {
    this.connection = connection;
    this.isPlain = isPlain;
    this.userId = userId;
    this.identified = connection.context;
  }

  get user(): User {
    return this.connection.context;
  }
}
