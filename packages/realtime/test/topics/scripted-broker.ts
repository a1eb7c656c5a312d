import type {
  Broker,
  BrokerCapabilities,
  BrokerData,
  BrokerSink,
  BrokerState,
  BrokerStats,
  HistoryBounds,
  HistoryPage,
  PublishOptions,
  PublishResult,
} from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import { text } from "./stage.ts";

/** What a test may have the broker do in place of what it does by itself. */
interface Acts {
  start?: () => Promise<void>;
  publish?: (done: () => PublishResult) => Promise<PublishResult>;
  subscribe?: (done: () => Position | undefined) => Promise<Position | undefined>;
  unsubscribe?: () => Promise<void>;
  history?: (done: () => HistoryPage) => Promise<HistoryPage>;
}

export const never = <Value>(): Promise<Value> => new Promise(() => {});

/** A broker whose history is right, and that tells what a test says, when it says so. It knows one topic. */
export class ScriptedBroker implements Broker {
  capabilities: BrokerCapabilities = { history: "memory", reach: "cluster" };
  readonly node = "scripted-broker";
  readonly stats: BrokerStats = {
    published: 0,
    rejected: 0,
    received: 0,
    lost: 0,
    tells: 0,
    told: 0,
    foreign: 0,
    reconnects: 0,
    subscriptions: 0,
    queued: 0,
    queuedBytes: 0,
  };
  readonly acts: Acts = {};
  /** What it was asked, with the topics. */
  readonly calls: string[] = [];
  epoch = "epoch-1";
  /** The first offset that it keeps. */
  first = 1;
  /** The publication with offset `n` is the one before the `n`th. */
  data: BrokerData[] = [];
  origins: (string | undefined)[] = [];
  #sink: BrokerSink | undefined;

  get sink(): BrokerSink {
    if (this.#sink === undefined) throw new Error("it was not started");
    return this.#sink;
  }

  /** Puts payloads into the history, as other nodes do, and tells nothing. */
  keep(...payloads: unknown[]): void {
    for (const payload of payloads) {
      this.data.push(text(payload));
      this.origins.push(undefined);
    }
  }

  /** Tells publications of the history to `message`. */
  say(...offsets: number[]): void {
    for (const offset of offsets) {
      this.sink.message("t", { data: this.data[offset - 1] ?? text("?"), position: { epoch: this.epoch, offset }, origin: this.origins[offset - 1] });
    }
  }

  /** Tells the newest position. */
  tellTop(): void {
    this.sink.top("t", { epoch: this.epoch, offset: this.data.length });
  }

  restart(epoch: string): void {
    this.epoch = epoch;
    this.data = [];
    this.origins = [];
    this.first = 1;
  }

  start(sink: BrokerSink): Promise<void> | void {
    this.#sink = sink;
    return this.acts.start?.();
  }

  publish(topic: string, data: BrokerData, { history, origin }: PublishOptions = {}): Promise<PublishResult> {
    this.calls.push(`publish ${topic}`);
    const done = (): PublishResult => {
      if (history === undefined) return { position: undefined, delivery: "cluster", repeated: false, others: undefined };
      this.data.push(data);
      this.origins.push(origin);
      return { position: { epoch: this.epoch, offset: this.data.length }, delivery: "cluster", repeated: false, others: undefined };
    };
    return this.acts.publish?.(done) ?? Promise.resolve(done());
  }

  subscribe(topic: string, { history }: { readonly history?: HistoryBounds } = {}): Promise<Position | undefined> {
    this.calls.push(`subscribe ${topic}`);
    const done = (): Position | undefined => (history === undefined ? undefined : { epoch: this.epoch, offset: this.data.length });
    return this.acts.subscribe?.(done) ?? Promise.resolve(done());
  }

  unsubscribe(topic: string): Promise<void> {
    this.calls.push(`unsubscribe ${topic}`);
    return this.acts.unsubscribe?.() ?? Promise.resolve();
  }

  history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    this.calls.push(`history ${topic} ${after}`);
    const done = (): HistoryPage => {
      const from = Math.max(after + 1, this.first);
      const publications = this.data.slice(from - 1, from - 1 + limit).map((data, at) => ({ offset: from + at, data }));
      return { epoch: this.epoch, top: this.data.length, first: this.first, publications };
    };
    return this.acts.history?.(done) ?? Promise.resolve(done());
  }

  state(): BrokerState {
    return "up";
  }

  nodes(): readonly string[] {
    return [this.node];
  }

  async tell(): Promise<void> {
    this.calls.push("tell");
  }

  async close(): Promise<void> {
    this.calls.push("close");
  }
}
