import type { Reach } from "@upwire/cluster/casts";
import type { Connection, ConnectionHandler } from "@upwire/core";
import type { Contract, EventIn, EventName, RealtimeError, TopicEventIn, TopicEventName, TopicParams, TopicPatternName } from "@upwire/protocol";
import type { CloseOptions } from "./close-options.ts";
import type { RealtimeStats } from "./stats.ts";
import type { PublishedTo, PublicationOptions } from "./topic-handle.ts";

/** What a pattern needs beside itself: nothing, when it has no parameters. */
type Parameters<Pattern extends string> = keyof TopicParams<Pattern> extends never ? [parameters?: Record<string, never>] : [parameters: TopicParams<Pattern>];

/** One topic of this name. It may be kept, and asked for anew each time. */
export interface Topic<C extends Contract, Pattern extends TopicPatternName<C>, User> extends Iterable<Connection<User>> {
  /** The whole name. */
  readonly name: string;
  /** How many connections are subscribed on this node. */
  readonly size: number;
  /**
   * To all subscribers, those of other nodes too. Publishes of one topic take effect in the order of the calls.
   * @throws (as a rejection) RealtimeError `invalid_payload` for a payload that its schema refuses, and `unavailable`, which is retryable;
   * TypeError for an event that the contract does not have, and what cannot be meant.
   */
  publish<Event extends TopicEventName<C, Pattern>>(event: Event, payload: TopicEventIn<C, Pattern, Event>, options?: PublicationOptions): Promise<PublishedTo>;
  /**
   * Subscribes a client that has not asked; `canSubscribe` is not asked, and `limits.topics` does not count. One that speaks
   * `upwire.v1` is told, a plain one just gets the events from now on. Nothing happens to a connection that is closed, or that leaves the topic
   * before the answer. @throws (as a rejection) RealtimeError `unavailable`; TypeError for a connection of
   * another handler.
   */
  add(connection: Connection): Promise<void>;
  /** Takes a connection out. One that speaks `upwire.v1` is told, with `error` when there is one. @returns whether it was subscribed. */
  delete(connection: Connection, error?: RealtimeError): boolean;
}

/** Connections that get the same event, on all nodes. */
export interface Recipients<C extends Contract> {
  /**
   * Sends an event: to the connections of this node at once, to those of the others by the broker. It is sent to who is there now,
   * and a client that is too slow may miss it.
   * @returns how many queues took it, within a second. Never rejects: nodes that did not answer are named.
   * @throws RealtimeError `invalid_payload`, at once, for a payload that its schema refuses; TypeError for an event that the contract does not have.
   */
  send<Name extends EventName<C>>(event: Name, payload: EventIn<C, Name>): Promise<Reach>;
}

/** Connections that can be ended, on all nodes. */
interface Closable {
  /**
   * Closes them, as `connection.close` does. A node that is cut off does so when it is back.
   * @returns how many were open, within a second. Never rejects: nodes that did not answer are named.
   * @throws RangeError or TypeError, at once, for what may not stand in a close frame, and for options that cannot be meant.
   * @default 4403, no reason
   */
  close(code?: number, reason?: string, options?: CloseOptions): Promise<Reach>;
}

/** The connections of one user. To iterate gives those of this node. */
export interface UserConnections<C extends Contract, User> extends Recipients<C>, Closable, Iterable<Connection<User>> {
  /** How many there are on this node. */
  readonly size: number;
}

/** One connection, on whatever node. */
export interface OneConnection<C extends Contract, User> extends Recipients<C>, Closable {
  /** Its `connection.id`. */
  readonly id: string;
  /** The connection, when it is one of this node. */
  readonly connection: Connection<User> | undefined;
}

/** A handler for `websocket(...)` of every adapter, and what the application calls. */
export interface Realtime<C extends Contract, User, Native = unknown> extends ConnectionHandler<User, Native>, Recipients<C> {
  /** The topic of a pattern. @throws TypeError for a pattern that does not exist, or parameters that make no name. */
  topic<Pattern extends TopicPatternName<C>>(pattern: Pattern, ...parameters: Parameters<NoInfer<Pattern>>): Topic<C, Pattern, User>;
  /** The connections of one user. */
  user(id: string): UserConnections<C, User>;
  /**
   * The connection with this `connection.id`, if there is one. With a `broker`, ids begin with the name of their node, and that one
   * alone is asked; with a `connectionIdPrefix` of your own all are.
   */
  connection(id: string): OneConnection<C, User>;
  /** Counts of this node, read anew each time. */
  readonly stats: RealtimeStats;
  /**
   * All that another one needs to go on from here, for the option `restore`: positions and history of topics, and replies
   * that are remembered by `key`. Call it when the clients are gone. It waits for requests with a `key` that still run, for
   * `limits.requestTimeoutMs` at most; publishes are rejected from then on.
   */
  save(): Promise<Uint8Array>;
  /** Frees timers and the broker. Call it when the clients are gone: nothing can be published any more. */
  stop(): Promise<void>;
}
