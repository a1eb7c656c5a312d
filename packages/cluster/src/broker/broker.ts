import type { Position } from "@upwire/protocol";
import type { BrokerStats } from "./broker-stats.ts";

/** What is published. It comes back as the kind it was given; its bytes must not change afterwards. */
export type BrokerData = string | Uint8Array;

/** How much of a topic is kept: its newest publications. Whichever bound is reached first counts. */
export interface HistoryBounds {
  /** Publications. */
  readonly messages: number;
  /** Bytes of data; text counts as UTF-8. A publication above it is delivered, and not kept. */
  readonly bytes: number;
  /** Milliseconds since the publication. The topic itself is forgotten, with its epoch, so long after its last member and its last publication. */
  readonly ageMs: number;
}

/** A publication on its way to a node that has subscribed its topic. */
export interface BrokerPublication {
  /** Text or bytes, as they were published. */
  readonly data: BrokerData;
  /** `undefined` without history. */
  readonly position: Position | undefined;
  /** The `origin` that its publisher gave. */
  readonly origin: string | undefined;
}

/** How `Broker.publish` publishes. Without any of them: once, to the nodes that have subscribed now, and kept nowhere. */
export interface PublishOptions {
  /** Without it the publication has no position and is not kept. */
  readonly history?: HistoryBounds;
  /** Idempotency key, at most 512 characters: within `keyMs` a second publish of the same topic with it publishes nothing. Scope it by user. */
  readonly key?: string;
  /** How long `key` is remembered, at least. Milliseconds, more than 0 and less than 2147483648. @default 120000 */
  readonly keyMs?: number;
  /**
   * Whose key it is, at most 512 characters. A broker that remembers only so many keys MUST forget first the keys of an owner who has
   * the most. Without it all keys count as one owner's.
   */
  readonly keyOwner?: string;
  /** Given back with the publication, at most 64 characters: by it a node knows its own. */
  readonly origin?: string;
}

/** What became of a `Broker.publish` that was not rejected. */
export interface PublishResult {
  /** `undefined` without history. */
  readonly position: Position | undefined;
  /**
   * `local-only`, only without history: the members of other nodes do not get it. The broker MUST tell it to this node all the same,
   * or a gap, if that has subscribed.
   */
  readonly delivery: "cluster" | "local-only";
  /** The key was known: nothing new was published, and `position` is that of the first time. */
  readonly repeated: boolean;
  /**
   * How many other nodes the broker has handed it to: those that had subscribed the topic. `undefined` when the broker does not
   * know, and for one that is `repeated`. It is no proof that they all get it: what is lost on the way shows as a loss there.
   */
  readonly others: number | undefined;
}

/** How `Broker.tell` tells. */
export interface TellOptions {
  /**
   * A node that is cut off gets it all the same if it is back within this time: the broker keeps it that long. From 1 to 3600000
   * milliseconds. @default it is not kept
   */
  readonly keepMs?: number;
}

/** A part of the history of one topic, as `Broker.history` gives it. */
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

/** `up`: all works. `degraded`: some publishes or deliveries fail. `down`: all of them. */
export type BrokerState = "up" | "degraded" | "down";

/** What a broker can do. It does not change. */
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
   * then, and the data and the origin of that position. It MUST NOT call it for a topic that the node
   * never subscribed. It MAY do so after an `unsubscribe`, though not for what was published once that had been fulfilled: the node
   * MUST ignore it, and MUST drop by offset what it has had already.
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
  /**
   * What the node `from` has given to `tell`.
   *
   * The broker MUST call it at most once for each `tell`, and MUST keep the order of the calls of one sender; only what it has kept
   * for a node that was cut off MAY come behind later ones. It MUST NOT call it for what was told before this node started, for
   * what was told to other nodes, or for what this node has told itself. It MAY call it for a sender that is not among `nodes()`.
   */
  told(from: string, data: Uint8Array): void;
  /** `nodes()` has changed, to `alive`. The broker MUST call it for each change after `start` was fulfilled, and before `close`. */
  nodes(alive: readonly string[]): void;
}

/**
 * What carries publications from one node to every node, and keeps the newest of them; and, apart from them, what one node tells
 * another: the control plane.
 *
 * One broker belongs to one node. The nodes of a cluster are those whose brokers were made with the same address (a folder, a server
 * and a prefix). Whatever is promised of a topic below is promised for all of them: there is one history, with one epoch, one row
 * of offsets and one memory of keys, whichever node asks.
 *
 * A topic with history has an epoch, 8 to 32 characters of `[A-Za-z0-9_-]`, random when the history begins, and offsets
 * without a hole from 1 on. The broker MUST NOT use an offset of an epoch for two publications, not after a restart either: when it
 * does not know what it gave out, it begins another epoch.
 *
 * What the broker cannot do now rejects with a `RealtimeError` of the code `unavailable` that is retryable. Arguments that
 * cannot be meant reject with a `RangeError`. A broker MUST NOT cause an unhandled rejection.
 */
export interface Broker {
  /** What it can do, the same from its making on. */
  readonly capabilities: BrokerCapabilities;
  /** The name of this node, 8 to 32 characters of `[A-Za-z0-9_-]`. The broker MUST make it at random: no other node has it, nor had it before. */
  readonly node: string;
  /**
   * The node MUST call it once, before anything else. The broker MAY refuse to start (a wrong address, say) by rejecting. It MUST NOT
   * fulfil before this node is one of the cluster: `nodes()` has those that were there, and what they publish or tell from then
   * on reaches this one.
   * @throws Error when called twice; it names `shareBroker`, by which several users have one broker. @throws RealtimeError `unavailable`
   * when the broker was closed before, or is closed meanwhile. It MUST leave nothing behind then.
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
   * whose `publish` had fulfilled on any node before the call, unless the bounds have removed it. `first` MUST say truly where
   * the history begins: what lies before it is gone for good. It MAY be slow and it MAY fail; the node MUST set itself a
   * deadline, for an answer that never comes too.
   * @param after From 0; above the top the page is empty.
   * @param limit At least 1. A broker MAY give fewer.
   */
  history(topic: string, after: number, limit: number): Promise<HistoryPage>;
  /** Whether it works now. It changes by itself, also back to `up`; `sink.state` tells each change. */
  state(): BrokerState;
  /**
   * The nodes that are alive as far as the broker knows, this one included; none before `start` was fulfilled, and none after `close`.
   *
   * The broker MUST show a node that has started within 5 s. It MUST drop one that has closed as soon as it hears of that, and one
   * that has ended without a word, or is cut off, within 5 s; it MUST show one that was cut off again within 5 s of its return.
   * The node MUST NOT take it for more: one that is named here may be gone, and one that is not may be back at any moment.
   */
  nodes(): readonly string[];
  /**
   * The control plane: gives `data` to the `told` of one other node, or of all of them.
   *
   * The broker MUST give it to every such node that is alive and not cut off, and MUST NOT fulfil before it has taken it over. It
   * MUST keep it with `keepMs`, also for a node that is not among `nodes()` at the moment, at least while this one lives; it MAY
   * keep no more than the newest 1000 for one node. A node that it does not know, and this one itself, get nothing, and it
   * fulfils. Where the way between two nodes breaks just then, what was not kept is lost without a word: the node MUST ask again
   * where it needs an answer.
   *
   * A rejection means that it does not know: it MAY have told some, or all. No publication waits for it, and it waits for none.
   * @param node `undefined`: all others that have started.
   * @param data At most 1 MiB (1048576 bytes). Its bytes must not change afterwards.
   */
  tell(node: string | undefined, data: Uint8Array, options?: TellOptions): Promise<void>;
  /** The broker MUST count truly. After `close` the counters stay, and the gauges are 0. */
  readonly stats: BrokerStats;
  /**
   * Freezes the broker and returns all that another one needs to go on from here: each epoch, offset, publication and key. A
   * broker that keeps them elsewhere has no such method. After the call every `publish` MUST reject with `unavailable`; the
   * rest works on until `close`. The node MUST NOT go on with two brokers from the same bytes.
   */
  save?(): Promise<Uint8Array>;
  /**
   * The broker MUST free what it holds, tell the other nodes that this one is gone, and reject everything that is asked afterwards
   * with `unavailable`. It MUST have handed over what it took over, as far as it can. Safe to call twice.
   */
  close(): Promise<void>;
}
