import type { Clock } from "@upwire/core";
import type { Position } from "@upwire/protocol";
import type {
  Broker,
  BrokerData,
  BrokerPublication,
  BrokerSink,
  BrokerState,
  HistoryBounds,
  HistoryPage,
  PublishOptions,
  PublishResult,
  TellOptions,
} from "./broker.ts";
import type { BrokerStats } from "./broker-stats.ts";
import { checkHistory, checkPublish, checkSubscribe, checkTell, checkTopic } from "./checks.ts";
import { closed, notStarted, startedTwice, unavailable } from "./errors.ts";
import { Histories } from "./histories.ts";
import { newNodeName } from "./node-name.ts";
import { realClock } from "./real-clock.ts";

/** Bounds of what a `memoryBroker` keeps in this process. */
export interface MemoryBrokerOptions {
  /** Replaces time in tests. @default real time */
  readonly clock?: Clock;
  /**
   * What all histories take together, at most, counted with about 100 bytes for each publication and 600 for each topic. Over it the
   * topic that was active least recently gives up its oldest publications; once it has none it is forgotten, unless it is
   * subscribed. Bytes. @default 67108864 (64 MiB)
   */
  readonly maxBytes?: number;
  /** Keys of publishes that are remembered at the same time, at most; of too many the oldest of a `keyOwner` who has the most is forgotten. @default 100000 */
  readonly maxKeys?: number;
  /** What `save` of another one returned: this one goes on from there. The time in between does not count. */
  readonly restore?: Uint8Array;
}

/**
 * The broker of one process, which is the only node: everything stays in its memory. Nothing comes late, twice, out of order, or not
 * at all: `sink.message` is called inside `publish`. A `publish` inside `sink.message` is told once that has returned.
 * @throws TypeError for bytes in `restore` that `save` did not make; RangeError for bounds that cannot be meant.
 */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker {
  return new MemoryBroker(options);
}

class MemoryBroker implements Broker {
  readonly capabilities = Object.freeze({ history: "memory", reach: "process" } as const);
  readonly node: string = newNodeName();
  readonly #histories: Histories;
  readonly #subscribed = new Set<string>();
  readonly #untold: (readonly [topic: string, publication: BrokerPublication])[] = [];
  readonly #counts = { published: 0, rejected: 0, received: 0, tells: 0 };
  #isTelling = false;
  #sink: BrokerSink | undefined;
  #isFrozen = false;
  #isClosed = false;

  constructor({ clock = realClock, ...options }: MemoryBrokerOptions) {
    this.#histories = new Histories({ clock, ...options });
  }

  get stats(): BrokerStats {
    return { ...this.#counts, lost: 0, told: 0, foreign: 0, reconnects: 0, subscriptions: this.#subscribed.size, queued: 0, queuedBytes: 0 };
  }

  start(sink: BrokerSink): void {
    if (this.#isClosed) throw closed();
    if (this.#sink !== undefined) throw startedTwice();
    this.#sink = sink;
  }

  async publish(topic: string, data: BrokerData, options: PublishOptions = {}): Promise<PublishResult> {
    if (this.#isClosed || this.#isFrozen) this.#counts.rejected++;
    this.#mustWork();
    if (this.#isFrozen) throw unavailable("publish: this broker has been saved, and another one goes on from there");
    checkPublish(topic, data, options);
    const { position, isRepeated } = this.#histories.publish(topic, data, options);
    if (isRepeated) return { position, delivery: "cluster", repeated: true, others: undefined };
    this.#counts.published++;
    if (this.#subscribed.has(topic)) this.#deliver(topic, { data, position, origin: options.origin });
    return { position, delivery: "cluster", repeated: false, others: 0 };
  }

  async subscribe(topic: string, options: { readonly history?: HistoryBounds } = {}): Promise<Position | undefined> {
    this.#mustWork();
    checkSubscribe(topic, options);
    const { history } = options;
    const position = history === undefined ? undefined : this.#histories.subscribe(topic, history);
    this.#subscribed.add(topic);
    return position;
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#mustWork();
    checkTopic(topic);
    this.#subscribed.delete(topic);
    this.#histories.unsubscribe(topic);
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    this.#mustWork();
    checkHistory(topic, after, limit);
    return this.#histories.page(topic, after, limit);
  }

  state(): BrokerState {
    return this.#isClosed ? "down" : "up";
  }

  nodes(): readonly string[] {
    return this.#sink === undefined || this.#isClosed ? [] : [this.node];
  }

  async tell(_node: string | undefined, data: Uint8Array, options: TellOptions = {}): Promise<void> {
    this.#mustWork();
    checkTell(data, options);
    // There is no other node.
    this.#counts.tells++;
  }

  async save(): Promise<Uint8Array> {
    this.#mustWork();
    this.#isFrozen = true;
    return this.#histories.save();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#subscribed.clear();
    this.#histories.close();
  }

  #deliver(topic: string, publication: BrokerPublication): void {
    this.#untold.push([topic, publication]);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) {
        this.#counts.received++;
        this.#sink?.message(...next);
      }
    } finally {
      this.#isTelling = false;
    }
  }

  #mustWork(): void {
    if (this.#isClosed) throw closed();
    if (this.#sink === undefined) throw notStarted();
  }
}
