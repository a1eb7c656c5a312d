/// <reference lib="esnext.disposable" preserve="true" />
import type {
  AnyContract,
  Contract,
  EventIn,
  EventName,
  EventOut,
  GapReason,
  Position,
  ReplyOut,
  RequestIn,
  RequestName,
  StateOut,
  TopicEventIn,
  TopicEventName,
  TopicEventOut,
  TopicParams,
  TopicPatternName,
} from "@upwire/protocol";
import type { ClientOptions } from "./options.ts";
import type { AskOptions, QueuePolicy } from "./outbox.ts";
import { connect } from "./connect.ts";
import type { Address, ClientStatus } from "./status.ts";
import type { TopicOptions } from "./topic.ts";

/** One frame, for a view on the wire. */
export interface WireFrame {
  readonly direction: "in" | "out";
  /** Text, or the bytes of a binary frame. */
  readonly data: string | ArrayBuffer | Uint8Array;
}

/** How a subscription begins, and begins again after a cut. */
export interface SubscribedInfo {
  /** Nothing is missing since the position that this client had. */
  readonly resumed: boolean;
  /** How many messages follow at once, to catch up. */
  readonly missed: number;
}

/** Messages that will not come. */
export interface GapInfo {
  readonly reason: GapReason;
  /** How many, where that is known. */
  readonly missed: number | undefined;
}

/** A pattern without parameters needs none. */
type TopicArguments<P extends string> = keyof TopicParams<P> extends never
  ? [parameters?: Readonly<Record<string, never>>, options?: TopicOptions]
  : [parameters: TopicParams<P>, options?: TopicOptions];

type StateName<C extends Contract, P extends TopicPatternName<C>> = [StateOut<C, P>] extends [never] ? never : "state";

/** One topic. Listening subscribes; after a cut it goes on where it was, or tells a gap. */
export interface Topic<C extends Contract, P extends TopicPatternName<C>> {
  readonly name: string;
  /** Everything up to here has come; `undefined` before it is subscribed, and for a topic without history. */
  readonly position: Position | undefined;
  /**
   * Calls `listener` with each payload of this event, in order and once. `"state"` is the state of the topic: told when the
   * subscription begins, and again after anything that could not be kept.
   * @returns what ends it
   */
  on<E extends TopicEventName<C, P> | StateName<C, P>>(
    event: E,
    listener: (payload: E extends TopicEventName<C, P> ? TopicEventOut<C, P, E> : StateOut<C, P>) => unknown,
  ): () => void;
  /** Something is missing here. */
  onGap(listener: (gap: GapInfo) => unknown): () => void;
  /** Told at each connection, before what was missed. */
  onSubscribed(listener: (info: SubscribedInfo) => unknown): () => void;
  /** The server refused the subscription or ended it. Without a listener the error goes to `onError`. The next connection asks again. */
  onEnded(listener: (error: Error | undefined) => unknown): () => void;
  /** Rejects with `RealtimeError`; without `key`, after a cut before the answer, with `connection_lost`. */
  publish<E extends TopicEventName<C, P>>(event: E, payload: TopicEventIn<C, P, E>, options?: AskOptions): Promise<{ readonly offset?: number }>;
  /** Ends it, with all its listeners. */
  unsubscribe(): void;
  [Symbol.dispose](): void;
}

/** A connection that comes back, and what goes over it. */
export interface Client<C extends Contract = AnyContract> extends Disposable {
  readonly status: ClientStatus;
  /** What the server calls this connection; `undefined` while there is none. */
  readonly connectionId: string | undefined;
  onStatus(listener: (status: ClientStatus) => unknown): () => void;
  /** For a view on the wire. */
  onFrame(listener: (frame: WireFrame) => unknown): () => void;
  /** Calls `listener` with each event of this name. @returns what ends it */
  on<E extends EventName<C>>(event: E, listener: (payload: EventOut<C, E>) => unknown): () => void;
  /**
   * Sends an event, at most once. Without a connection it waits for one, or with `queue: "drop"` is dropped.
   * @returns whether it was sent or waits
   */
  send<E extends EventName<C>>(event: E, payload: EventIn<C, E>, options?: { readonly queue?: QueuePolicy }): boolean;
  /** Rejects with `RealtimeError`; without `key`, after a cut before the answer, with `connection_lost`. */
  request<R extends RequestName<C>>(name: R, payload: RequestIn<C, R>, options?: AskOptions): Promise<ReplyOut<C, R>>;
  /** The topic of this name, the same one at each call until it is unsubscribed. */
  topic<P extends TopicPatternName<C>>(pattern: P, ...rest: TopicArguments<NoInfer<P>>): Topic<C, P>;
  /** Ends it for good: what is unanswered rejects with `connection_lost`, what was never sent with `closed`. */
  close(code?: number, reason?: string): void;
}

/**
 * Connects to an upwire.v1 server, and keeps at it. `C` is the type of the server's contract.
 * @throws TypeError for what is no URL, and where there is no `WebSocket`
 */
export function createClient<C extends Contract = AnyContract>(url: Address, options: ClientOptions = {}): Client<C> {
  return connect(url, options) as unknown as Client<C>;
}
