import {
  checkPublish,
  checkSubscribe,
  checkTell,
  checkTopic,
  closed,
  newNodeName,
  notStarted,
  startedTwice,
  unavailable,
  type Broker,
  type BrokerCapabilities,
  type BrokerData,
  type BrokerPublication,
  type BrokerSink,
  type BrokerState,
  type BrokerStats,
  type HistoryBounds,
  type HistoryPage,
  type PublishOptions,
  type PublishResult,
  type TellOptions,
} from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";

/** What carries something from one linked node to the others. */
export interface LinkedNetwork {
  /** The memory that all nodes have in common. */
  readonly memory: Broker;
  join(node: LinkedNode): void;
  leave(node: LinkedNode): Promise<void>;
  subscribe(topic: string, options: { readonly history?: HistoryBounds } | undefined): Promise<Position | undefined>;
  /** A node has left the topic. */
  left(topic: string): Promise<void>;
  /** How many others that are not cut off have subscribed `topic`. */
  othersOf(node: LinkedNode, topic: string): number;
  tell(from: LinkedNode, to: string | undefined, data: Uint8Array, keepMs: number | undefined): void;
  /** Runs behind what is being delivered, so that no hook is called inside another. */
  deliver(run: () => void): void;
}

/** `cut`: it has lost the others. `ended`: it has closed, or was killed. */
type Link = "up" | "cut" | "ended";

/** One node of `linkedBrokers`. */
export class LinkedNode implements Broker {
  // Not `process`: with that a layer takes itself for the only node.
  readonly capabilities: BrokerCapabilities = Object.freeze({ history: "memory", reach: "machine" });
  readonly node: string = newNodeName();
  /** What it has subscribed, and whether that has a history. */
  readonly topics: Map<string, "history" | "plain"> = new Map();
  link: Link = "up";
  readonly #network: LinkedNetwork;
  readonly #counts = { published: 0, rejected: 0, received: 0, lost: 0, tells: 0, told: 0, reconnects: 0 };
  /** Topics without history of which something did not come. */
  readonly #missed = new Set<string>();
  #view: readonly string[] = [];
  #sink: BrokerSink | undefined;

  constructor(network: LinkedNetwork) {
    this.#network = network;
  }

  get stats(): BrokerStats {
    return { ...this.#counts, foreign: 0, subscriptions: this.topics.size, queued: 0, queuedBytes: 0 };
  }

  start(sink: BrokerSink): void {
    if (this.link === "ended") throw closed();
    if (this.#sink !== undefined) throw startedTwice();
    this.#sink = sink;
    this.#network.join(this);
  }

  async publish(topic: string, data: BrokerData, options: PublishOptions = {}): Promise<PublishResult> {
    try {
      return await this.#publish(topic, data, options);
    } catch (error) {
      if (!(error instanceof RangeError)) this.#counts.rejected++;
      throw error;
    }
  }

  async subscribe(topic: string, options: { readonly history?: HistoryBounds } = {}): Promise<Position | undefined> {
    this.#mustReach();
    checkSubscribe(topic, options);
    const before = this.topics.get(topic);
    this.topics.set(topic, options.history === undefined ? (before ?? "plain") : "history");
    try {
      return await this.#network.subscribe(topic, options);
    } catch (error) {
      if (before === undefined) this.topics.delete(topic);
      throw error;
    }
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#mustReach();
    checkTopic(topic);
    if (this.topics.delete(topic)) await this.#network.left(topic);
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    this.#mustReach();
    return this.#network.memory.history(topic, after, limit);
  }

  state(): BrokerState {
    return this.link === "up" ? "up" : "down";
  }

  nodes(): readonly string[] {
    return this.#view;
  }

  async tell(node: string | undefined, data: Uint8Array, options: TellOptions = {}): Promise<void> {
    this.#mustReach();
    checkTell(data, options);
    this.#counts.tells++;
    this.#network.tell(this, node, data, options.keepMs);
  }

  close(): Promise<void> {
    return this.#network.leave(this);
  }

  /** From now on it does nothing, and tells no other node. */
  end(): void {
    this.link = "ended";
    this.#view = [];
    this.topics.clear();
  }

  /** The way to the others has broken. */
  cut(): void {
    if (this.link !== "up") return;
    this.link = "cut";
    this.#network.deliver(() => this.#sink?.state("down"));
  }

  /** The way is back, and what it cannot have had is told. */
  mend(): void {
    if (this.link !== "cut") return;
    this.link = "up";
    this.#counts.reconnects++;
    this.#network.deliver(() => this.#sink?.state("up"));
    for (const topic of this.#missed) if (this.topics.has(topic)) this.#gap(topic);
    this.#missed.clear();
  }

  show(view: readonly string[]): void {
    if (view.join() === this.#view.join()) return;
    const isStarting = this.#view.length === 0;
    this.#view = Object.freeze([...view]);
    if (isStarting) return;
    this.#network.deliver(() => this.#with((sink) => sink.nodes(this.#view)));
  }

  message(topic: string, publication: BrokerPublication): void {
    if (!this.topics.has(topic)) return;
    if (this.link === "cut" && publication.position === undefined) this.#missed.add(topic);
    if (this.link === "up") this.#deliver(topic, publication);
  }

  top(topic: string, position: Position): void {
    if (this.link === "up" && this.topics.get(topic) === "history") this.#network.deliver(() => this.#with((sink) => sink.top(topic, position)));
  }

  told(from: string, data: Uint8Array): void {
    this.#network.deliver(() =>
      this.#with((sink) => {
        this.#counts.told++;
        sink.told(from, data);
      }),
    );
  }

  async #publish(topic: string, data: BrokerData, options: PublishOptions): Promise<PublishResult> {
    if (this.link === "cut" && options.history === undefined && options.key === undefined) {
      checkPublish(topic, data, options);
      this.#counts.published++;
      if (this.topics.has(topic)) this.#deliver(topic, { data, position: undefined, origin: options.origin });
      return { position: undefined, delivery: "local-only", repeated: false, others: 0 };
    }
    this.#mustReach();
    const others = this.#network.othersOf(this, topic);
    const result = await this.#network.memory.publish(topic, data, options);
    if (result.repeated) return result;
    this.#counts.published++;
    return { ...result, others };
  }

  #deliver(topic: string, publication: BrokerPublication): void {
    this.#network.deliver(() =>
      this.#with((sink) => {
        this.#counts.received++;
        sink.message(topic, publication);
      }),
    );
  }

  #gap(topic: string): void {
    this.#network.deliver(() =>
      this.#with((sink) => {
        this.#counts.lost++;
        sink.gap(topic);
      }),
    );
  }

  /** What has ended hears nothing. */
  #with(run: (sink: BrokerSink) => void): void {
    if (this.link !== "ended" && this.#sink !== undefined) run(this.#sink);
  }

  #mustReach(): void {
    if (this.link === "ended") throw closed();
    if (this.#sink === undefined) throw notStarted();
    if (this.link === "cut") throw unavailable("this node is cut off");
  }
}
