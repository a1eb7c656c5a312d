import type { Position } from "@upwire/protocol";
import type {
  Broker,
  BrokerCapabilities,
  BrokerData,
  BrokerSink,
  BrokerState,
  HistoryBounds,
  HistoryPage,
  PublishOptions,
  PublishResult,
  TellOptions,
} from "./broker.ts";
import type { BrokerStats } from "./broker-stats.ts";
import { checkSubscribe, checkTell, checkTopic } from "./checks.ts";
import { notStarted, startedTwice, unavailable } from "./errors.ts";
import { isBroker } from "./is-broker.ts";

/** A broker that has been divided among several users. */
export interface SharedBroker {
  /**
   * A broker for one of the users, to be started and closed by it. Its topics and what it tells meet those of the parts with the same
   * name on other nodes, and no others. The first part that is started starts the shared broker; when the last one of those that
   * were made is closed, that is closed too. `nodes()` has all nodes of the shared broker, also those that have no such part; `stats`
   * count for all parts together.
   * @param name 1 to 32 characters of `[A-Za-z0-9_-]`. It takes its length of the bytes that `tell` takes.
   * @throws TypeError for another name, and for that of a part that is not closed.
   */
  part(name: string): Broker;
}

/**
 * Divides one broker among several users of this process, a realtime and a cluster hub, say: each gets a part of it, under a name that is
 * the same on every node. `broker` must not have been started, and nothing else may use it.
 * @throws TypeError for what is no broker.
 */
export function shareBroker(broker: Broker): SharedBroker {
  if (!isBroker(broker)) throw new TypeError(`shareBroker: ${broker === null ? "null" : typeof broker} is no broker; give one, such as meshBroker()`);
  return new Shared(broker);
}

const namePattern = /^[A-Za-z0-9_-]{1,32}$/;

class Shared implements SharedBroker {
  readonly inner: Broker;
  /** The parts that are not closed. */
  readonly #parts = new Map<string, Part>();
  /** The topics of all parts, by their names in the shared broker. */
  readonly #topics = new Map<string, readonly [part: Part, topic: string]>();
  #started: { readonly result: Promise<void> | void } | undefined;

  constructor(inner: Broker) {
    this.inner = inner;
  }

  part(name: string): Broker {
    if (!namePattern.test(name)) throw new TypeError(`part: the name ${JSON.stringify(name)} is not allowed; give 1 to 32 letters, digits, "_" or "-"`);
    if (this.#parts.has(name)) throw new TypeError(`part: there is a part ${JSON.stringify(name)} that is not closed; give another name`);
    const part = new Part(name, this);
    this.#parts.set(name, part);
    return part;
  }

  start(): Promise<void> | void {
    this.#started ??= { result: this.inner.start(this.#sink) };
    return this.#started.result;
  }

  add(part: Part, topic: string): void {
    this.#topics.set(part.nameOf(topic), [part, topic]);
  }

  delete(part: Part, topic: string): void {
    this.#topics.delete(part.nameOf(topic));
  }

  async close(part: Part): Promise<void> {
    if (this.#parts.get(part.name) === part) this.#parts.delete(part.name);
    const topics = [...this.#topics].flatMap(([topic, [of]]) => (of === part ? [topic] : []));
    for (const topic of topics) this.#topics.delete(topic);
    if (this.#parts.size === 0) return this.inner.close();
    await Promise.allSettled(topics.map((topic) => this.inner.unsubscribe(topic)));
  }

  readonly #sink: BrokerSink = {
    message: (name, publication) => this.#with(name, (part, topic) => part.sink?.message(topic, publication)),
    top: (name, position) => this.#with(name, (part, topic) => part.sink?.top(topic, position)),
    gap: (name) => this.#with(name, (part, topic) => part.sink?.gap(topic)),
    state: (state) => {
      for (const { sink } of this.#parts.values()) sink?.state(state);
    },
    told: (from, bytes) => {
      const end = 1 + (bytes[0] ?? 0);
      const name = String.fromCharCode(...bytes.subarray(1, end));
      this.#parts.get(name)?.sink?.told(from, bytes.subarray(end));
    },
    nodes: (alive) => {
      for (const { sink } of this.#parts.values()) sink?.nodes(alive);
    },
  };

  /** Runs for what a part has subscribed, and for nothing else. */
  #with(name: string, run: (part: Part, topic: string) => void): void {
    const known = this.#topics.get(name);
    if (known !== undefined) run(...known);
  }
}

class Part implements Broker {
  readonly name: string;
  readonly capabilities: BrokerCapabilities;
  readonly node: string;
  readonly save?: () => Promise<Uint8Array>;
  sink: BrokerSink | undefined;
  readonly #shared: Shared;
  readonly #inner: Broker;
  #isStarted = false;
  /** Publishes that came after `close`. */
  #late = 0;
  #closing: Promise<void> | undefined;

  constructor(name: string, shared: Shared) {
    const { inner } = shared;
    this.name = name;
    this.capabilities = inner.capabilities;
    this.node = inner.node;
    this.#shared = shared;
    this.#inner = inner;
    const save = inner.save?.bind(inner);
    if (save !== undefined) this.save = async () => (this.#mustWork(), save());
  }

  get stats(): BrokerStats {
    const { stats } = this.#inner;
    if (this.#closing === undefined) return stats;
    return { ...stats, rejected: stats.rejected + this.#late, subscriptions: 0, queued: 0, queuedBytes: 0 };
  }

  start(sink: BrokerSink): Promise<void> | void {
    if (this.#closing !== undefined) this.#mustWork();
    if (this.#isStarted) throw startedTwice();
    this.#isStarted = true;
    this.sink = sink;
    return this.#shared.start();
  }

  publish(topic: string, data: BrokerData, options?: PublishOptions): Promise<PublishResult> {
    // Not async: each message would pay for it.
    if (this.#closing !== undefined) this.#late++;
    try {
      this.#mustWork();
      return this.#inner.publish(this.nameOf(topic), data, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async subscribe(topic: string, options: { readonly history?: HistoryBounds } = {}): Promise<Position | undefined> {
    this.#mustWork();
    checkSubscribe(topic, options);
    this.#shared.add(this, topic);
    return this.#inner.subscribe(this.nameOf(topic), options);
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#mustWork();
    checkTopic(topic);
    this.#shared.delete(this, topic);
    return this.#inner.unsubscribe(this.nameOf(topic));
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    this.#mustWork();
    return this.#inner.history(this.nameOf(topic), after, limit);
  }

  state(): BrokerState {
    return this.#closing === undefined ? this.#inner.state() : "down";
  }

  nodes(): readonly string[] {
    return this.#isStarted && this.#closing === undefined ? this.#inner.nodes() : [];
  }

  async tell(node: string | undefined, data: Uint8Array, options: TellOptions = {}): Promise<void> {
    this.#mustWork();
    checkTell(data, options);
    const bytes = new Uint8Array(1 + this.name.length + data.byteLength);
    bytes[0] = this.name.length;
    for (let at = 0; at < this.name.length; at++) bytes[1 + at] = this.name.charCodeAt(at);
    bytes.set(data, 1 + this.name.length);
    return this.#inner.tell(node, bytes, options);
  }

  close(): Promise<void> {
    this.sink = undefined;
    return (this.#closing ??= this.#shared.close(this));
  }

  /** What the topic is called in the shared broker. @throws RangeError for what is no topic. */
  nameOf(topic: string): string {
    checkTopic(topic);
    return this.name + "/" + topic;
  }

  #mustWork(): void {
    if (this.#closing !== undefined) throw unavailable(`the part ${JSON.stringify(this.name)} of this broker has been closed`);
    if (!this.#isStarted) throw notStarted();
  }
}
