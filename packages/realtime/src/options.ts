import type { Clock, ConnectionHandler, UpgradeRequest, UpgraderOptions } from "@upwire/core";
import type { Refusal } from "@upwire/core/adapter";
import type { Broker, HistoryBounds } from "@upwire/cluster/broker";
import type {
  Contract,
  EventName,
  EventOut,
  ReplyIn,
  RequestName,
  RequestOut,
  StandardSchema,
  StateIn,
  TopicEventName,
  TopicEventOut,
  TopicPatternName,
} from "@upwire/protocol";
import type { AnsweredMessage, EventCall, OpenedConnection, Published, PublishCall, ReceivedMessage, RequestCall, StateCall, SubscribeCall } from "./calls.ts";
import type { RealtimeLimits } from "./limits.ts";

type Awaitable<Value> = Value | PromiseLike<Value>;

/** What an application says about the topics of one pattern. */
export interface TopicRules<Pattern extends string, User, What extends Published = Published, State = unknown> {
  /** May this client subscribe? Asked at each subscribe and resume. Only `true`, or a promise of it, is a yes. @default no client may */
  readonly canSubscribe?: (call: SubscribeCall<Pattern, User>) => Awaitable<boolean>;
  /** May this client publish this? @default no client may */
  readonly canPublish?: (call: PublishCall<Pattern, User, What>) => Awaitable<boolean>;
  /** What a new subscriber begins with. It may hold more than the position that it comes with, never less. JSON. */
  readonly state?: (call: StateCall<Pattern>) => Awaitable<State>;
  /** What is kept for clients that come back; `false` for nothing. @default 100 messages, 1 MiB, 5 minutes */
  readonly history?: Partial<HistoryBounds> | false;
}

/** The publications that a contract allows on the topics of a pattern. */
export type PublishedOn<C extends Contract, Pattern extends TopicPatternName<C>> = {
  [Event in TopicEventName<C, Pattern>]: { readonly event: Event; readonly payload: TopicEventOut<C, Pattern, Event> };
}[TopicEventName<C, Pattern>];

/** Any handler, but for one that takes messages as streams. Its `options` are used where the `options` of the realtime set nothing. */
export interface FallbackHandler<User, Native> extends Omit<ConnectionHandler<User, Native>, "options" | "stream"> {
  readonly options?: UpgraderOptions<unknown, Native>;
}

/**
 * TypeScript reads an object from its first member to its last: `authorize` stands first, and then types `user` everywhere else.
 */
export interface CommonOptions<C extends Contract, User, Native> {
  /**
   * Who is this? What it returns is `user` of every function, and `connection.context`; `refuse(401)` and `false` say no. It counts
   * unless the route has one of its own. `tokenOf(request)` is what the client gave as its token. @default everybody, as `undefined`
   */
  readonly authorize?: (request: UpgradeRequest<Native>) => User | Refusal | false | Promise<User | Refusal | false>;
  /**
   * The id of a user: for `realtime.user(id)`, and for replies that are remembered by `key`. Clients without one share their keys, so
   * that each has to be unguessable. What it throws ends the connection. @default the user when that is a string, else its `id` when that is one
   */
  readonly userId?: (user: User) => string | undefined;
  /**
   * A client is connected, with `upwire.v1` or, without a `fallback`, plain: the place to join it to topics. Its messages wait until the
   * returned promise settles, as for `open` of a handler; what it throws ends the connection. How it ends tells `connection.onClose`.
   */
  readonly onOpen?: (opened: OpenedConnection<User, Native>) => unknown;
  /** What happens at an event of a client. What a function throws is told to the client as `upwire.error`. */
  readonly events?: { readonly [Name in EventName<C>]?: (call: EventCall<EventOut<C, Name>, User>) => unknown };
  /** Gives the reply to a request; a `RealtimeError` that it throws is told to the client, and everything else as `internal`. */
  readonly requests?: { readonly [Name in RequestName<C>]: (call: RequestCall<RequestOut<C, Name>, User>) => Awaitable<ReplyIn<C, Name>> };
  /**
   * Gets the clients that do not speak `upwire.v1`. Without it their `{ type, payload }` runs `events`, and is answered only by
   * `{ type: "error", payload: { code, message } }` where something is wrong.
   */
  readonly fallback?: FallbackHandler<NoInfer<User>, NoInfer<Native>>;
  /**
   * Sees each message of a client that speaks `upwire.v1` before anything is done about it, for logs and limits. A `RealtimeError`
   * that it throws is the answer; it is not waited for.
   */
  readonly onMessage?: (message: ReceivedMessage<User>) => void;
  /** Sees each answer, for logs and metrics. It is not waited for. */
  readonly onAnswer?: (answer: AnsweredMessage<User>) => void;
  /** Bounds of what clients can make grow; each has a default. */
  readonly limits?: Partial<RealtimeLimits>;
  /** How many clients come back after a restart: they are told to spread over 1 ms for each 2.5 of them. At most 9,000,000. @default 10000 */
  readonly expectedClients?: number;
  /**
   * What carries publications and events between nodes, and keeps the newest: `memoryBroker`, `meshBroker`, `redisBroker`. It is started here; with other
   * users of the same broker give a part of `shareBroker`. @default a `memoryBroker`, of this process alone
   */
  readonly broker?: Broker;
  /** What `save` gave, to go on from there. */
  readonly restore?: Uint8Array;
  /** Replaces time in tests. @default real time */
  readonly clock?: Clock;
  /** For the route, for each option that it does not set. Two have other defaults: `slowConsumer` is `"drop-newest"`, and `subprotocols` has `upwire.v1` before these. */
  readonly options?: UpgraderOptions<User, Native>;
}

/** The options of `createRealtime(contract, options)`. */
export interface RealtimeOptions<C extends Contract, User, Native = unknown> extends CommonOptions<C, User, Native> {
  /** By the patterns of the contract. */
  readonly topics?: { readonly [Pattern in TopicPatternName<C>]?: TopicRules<Pattern, User, PublishedOn<C, Pattern>, StateIn<C, Pattern>> };
}

type Schemas = Readonly<Record<string, StandardSchema>>;

/** What is known without a contract: the patterns of the topics. */
export interface LooseContract<Pattern extends string = string> {
  readonly events: Schemas;
  readonly requests: Readonly<Record<string, { readonly payload: StandardSchema; readonly reply: StandardSchema }>>;
  readonly topics: { readonly [Name in Pattern]: { readonly events: Schemas; readonly state: StandardSchema } };
}

/** The options of `createRealtime(options)`. */
export interface LooseOptions<Pattern extends string, User, Native = unknown> extends CommonOptions<LooseContract, User, Native> {
  /** By pattern, such as `room:{room}`. */
  readonly topics?: { readonly [Name in Pattern]: TopicRules<Name, User> };
}
