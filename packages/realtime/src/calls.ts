/** What the functions of an application get. */
import type { Connection, UpgradeRequest } from "@upwire/core";
import type { TopicMatch } from "@upwire/protocol";

/** A client that is connected, and not the fallback's. */
export interface OpenedConnection<User, Native = unknown> {
  readonly connection: Connection<User>;
  /** What `authorize` returned. */
  readonly user: User;
  /** Its handshake: URL, headers, cookies. */
  readonly request: UpgradeRequest<Native>;
}

/** What a function of `events` gets. */
export interface EventCall<Payload, User> {
  /** As the schema of the contract gives it; without a contract, what the client sent. */
  readonly payload: Payload;
  readonly connection: Connection<User>;
  /** What `authorize` returned: `connection.context`. */
  readonly user: User;
}

/** What a function of `requests` gets. */
export interface RequestCall<Payload, User> extends EventCall<Payload, User> {
  /** Aborted when the client cancels, when `requestTimeoutMs` is over, and when the connection is, unless the request has a `key`. */
  readonly signal: AbortSignal;
  /** By which the client may repeat the request: its reply is remembered. */
  readonly key: string | undefined;
}

/** What `canSubscribe` gets. The parameters of the pattern are members beside the others: `room` of `room:{room}`. */
export type SubscribeCall<Pattern extends string, User> = TopicMatch<Pattern> & {
  readonly user: User;
  readonly connection: Connection<User>;
  /** The whole name. */
  readonly topic: string;
};

/** What is published: the name of an event with its payload. */
export interface Published {
  /** The name of the event. */
  readonly event: string;
  readonly payload: unknown;
}

/** What `canPublish` gets: as `canSubscribe`, and what is published. */
export type PublishCall<Pattern extends string, User, What extends Published> = SubscribeCall<Pattern, User> & What;

/** What `state` gets: the parameters of the pattern, and the whole name. */
export type StateCall<Pattern extends string> = TopicMatch<Pattern> & { readonly topic: string };

/** What a client sent, for `onMessage` and `onAnswer`. */
export type MessageKind = "event" | "request" | "publish" | "subscribe" | "unsubscribe" | "cancel" | "ping";

/** What `onMessage` sees. */
export interface ReceivedMessage<User> {
  /** What it asks for. */
  readonly kind: MessageKind;
  /** The name of the event or request, or one of upwire's own types. */
  readonly type: string;
  /** The whole name of its topic, if it has one. */
  readonly topic: string | undefined;
  /** By which the client finds its answer; `undefined` when it wants none. */
  readonly id: number | undefined;
  readonly connection: Connection<User>;
  readonly user: User;
  /** Length of the whole message. Bytes. */
  readonly byteLength: number;
}

/** What `onAnswer` sees. */
export interface AnsweredMessage<User> {
  /** What it asked for. */
  readonly kind: MessageKind;
  /** The name of the event or request, or one of upwire's own types. */
  readonly type: string;
  /** The whole name of its topic, if it has one. */
  readonly topic: string | undefined;
  readonly connection: Connection<User>;
  readonly user: User;
  /** From the message to its answer; of an event, to the end of its function. Milliseconds. */
  readonly durationMs: number;
  /** What the client was told instead of a result. */
  readonly error: Error | undefined;
}
