import type { Position } from "@upwire/protocol";

/** What is published. It comes back as the kind it was given; its bytes must not change afterwards. */
export type BrokerData = string | Uint8Array;

/** How much of a topic is kept. Whichever bound is reached first counts. */
export interface HistoryBounds {
  /** Publications. */
  readonly messages: number;
  /** Bytes of data; text counts as UTF-8. A publication above it is delivered, and not kept. */
  readonly bytes: number;
  /** Milliseconds since the publication. The topic itself is forgotten, with its epoch, so long after its last member and its last publication. */
  readonly ageMs: number;
}

export interface BrokerPublication {
  readonly data: BrokerData;
  /** `undefined` without history. */
  readonly position: Position | undefined;
  /** What its publisher gave. */
  readonly origin: string | undefined;
}

export interface PublishOptions {
  /** Without it the publication has no position and is not kept. */
  readonly history?: HistoryBounds;
  /** Idempotency key, at most 512 characters: within `keyMs` a second publish of the same topic with it publishes nothing. Scope it by user. */
  readonly key?: string;
  /** How long `key` is remembered, at least. Milliseconds. @default 120000 */
  readonly keyMs?: number;
  /**
   * Whose key it is, at most 512 characters. A broker that remembers only so many keys MUST forget first those of an owner who has
   * the most. Without it they all count as those of one owner.
   */
  readonly keyOwner?: string;
  /** Given back with the publication, at most 64 characters: by it a node knows its own. */
  readonly origin?: string;
}

export interface PublishResult {
  /** `undefined` without history. */
  readonly position: Position | undefined;
  /** `local-only`: the members of other nodes do not get it. */
  readonly delivery: "cluster" | "local-only";
  /** The key was known: nothing new was published, and `position` is that of the first time. */
  readonly repeated: boolean;
}

export interface HistoryPage {
  /** Empty when the topic has no history: no client has such an epoch. */
  readonly epoch: string;
  /** The offset of the newest publication, kept or not; 0 before the first. */
  readonly top: number;
  /** The offset of the oldest publication that is kept; `top + 1` when none is. */
  readonly first: number;
  /** Contiguous, beginning at `after + 1` when that is kept, else at `first`; at most `limit`, and at least one if there is one. */
  readonly publications: readonly { readonly offset: number; readonly data: BrokerData }[];
}

/** `degraded`: some publishes or deliveries fail. `down`: all of them. */
export type BrokerState = "up" | "degraded" | "down";

export interface BrokerCapabilities {
  /** `memory`: it ends with the broker's process. */
  readonly history: "none" | "memory" | "durable";
  /** Who gets a publication: the nodes of this process, of this machine, or of all machines. */
  readonly reach: "process" | "machine" | "cluster";
}

/**
 * What a node gives its broker. None of these may throw, or wait.
 *
 * The broker MUST NOT call it before `start` was called, nor after the promise of `close` was fulfilled.
 */
export interface BrokerSink {
  /**
   * A publication of a subscribed topic.
   *
   * The broker MAY call it late, out of order or not at all, and for a topic with history also twice; it MUST give the true position
   * then, and the data and the origin of that position. It MUST NOT call it for a topic that the node never subscribed. It MAY do so after an
   * `unsubscribe`: the node MUST ignore that, and MUST drop by offset what it has had already.
   */
  message(topic: string, publication: BrokerPublication): void;
  /**
   * The newest position of a subscribed topic with history.
   *
   * A broker that can lose publications MUST call it at least once a second for each such topic, so that a loss shows also when no
   * publication follows it. It MAY be late, and thus show less than the node has: the node MUST ignore that. The node MUST fetch
   * from `history` what it lacks, and take another epoch for a restart of the topic.
   */
  top(topic: string, position: Position): void;
  /**
   * Publications of a topic without history may be missing from here on.
   *
   * The broker MUST call it for each topic without history of which it may have lost something, and MUST NOT call it for others.
   */
  gap(topic: string): void;
  /** `state()` has changed. */
  state(state: BrokerState): void;
}

/**
 * What carries publications from one node to every node, and keeps the newest of them.
 *
 * A topic with history has an epoch, 8 to 32 characters of `[A-Za-z0-9_-]`, random when the history begins, and offsets
 * without a hole from 1 on. The broker MUST NOT use an offset of an epoch for two publications, not after a restart either: when it
 * does not know what it gave out, it begins another epoch.
 *
 * What the broker cannot do now rejects with a `RealtimeError` of the code `unavailable` that is retryable. Arguments that
 * cannot be meant reject with a `RangeError`. A broker MUST NOT cause an unhandled rejection.
 */
export interface Broker {
  readonly capabilities: BrokerCapabilities;
  /**
   * The node MUST call it once, before anything else. The broker MAY refuse to start (a wrong address, say) by rejecting.
   * @throws Error when called twice.
   */
  start(sink: BrokerSink): Promise<void> | void;
  /**
   * The broker MUST give the publications of one topic that come from one node offsets in the order of the calls, whether or
   * not the node waits in between, and MUST tell each to the `message` of every node that has subscribed the topic, this one
   * included, or show the loss by `top` or `gap`. It MUST NOT fulfil before the publication is in the history.
   *
   * A rejection means that it does not know: the publication MAY have taken effect. Repeated with the same `key` within
   * `keyMs`, it MUST take effect once at most, and fulfil with the position of the first time and `repeated: true`.
   *
   * The node MUST give the same `history` for a topic each time. What it gives last counts.
   */
  publish(topic: string, data: BrokerData, options?: PublishOptions): Promise<PublishResult>;
  /**
   * The broker MUST tell every publication after the position that it fulfils with to `message`, or show it by `top` or `gap`.
   * It MUST fulfil with a position if and only if `history` is given. It MAY tell publications before it fulfils.
   *
   * The node MUST NOT count: several `subscribe` of one topic are undone by one `unsubscribe`.
   */
  subscribe(topic: string, options?: { readonly history?: HistoryBounds }): Promise<Position | undefined>;
  /** Ends that. The history stays for `ageMs`. Of a topic that is not subscribed it does nothing. */
  unsubscribe(topic: string): Promise<void>;
  /**
   * What is kept of a topic after the offset `after`, subscribed or not.
   *
   * The broker MUST answer with what the history held at one moment between call and answer, and MUST include each publication
   * whose `publish` had fulfilled on this node before the call, unless the bounds have removed it. `first` MUST say truly where
   * the history begins: what lies before it is gone for good. It MAY be slow and it MAY fail; the node MUST set itself a
   * deadline, for an answer that never comes too.
   * @param after From 0; above the top the page is empty.
   * @param limit At least 1. A broker MAY give fewer.
   */
  history(topic: string, after: number, limit: number): Promise<HistoryPage>;
  state(): BrokerState;
  /**
   * Freezes the broker and returns all that another one needs to go on from here: each epoch, offset, publication and key. A
   * broker that keeps them elsewhere has no such method. After the call every `publish` MUST reject with `unavailable`; the
   * rest works on until `close`. The node MUST NOT go on with two brokers from the same bytes.
   */
  save?(): Promise<Uint8Array>;
  /** The broker MUST free what it holds, and reject everything that is asked afterwards with `unavailable`. Safe to call twice. */
  close(): Promise<void>;
}
