import type { Broker, BrokerSink, HistoryBounds, HistoryPage, PublishOptions, PublishResult, BrokerData } from "@upwire/cluster/broker";
import { promiseOf } from "@upwire/core/adapter";
import type { Position } from "@upwire/protocol";
import { unavailable } from "./deadline.ts";

/** A broker that was started, or is being started: what it is asked before it is ready waits, in order. */
export class ReadyBroker {
  readonly #broker: Broker;
  /** `undefined` once it is ready. */
  #starting: Promise<void> | undefined;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** @param report Gets the error when it cannot be started: then all that it is asked rejects. */
  start(sink: BrokerSink, report: (error: unknown) => void): void {
    const started = startOf(this.#broker, sink);
    if (started === undefined) return;
    this.#starting = started.then(
      () => {
        this.#starting = undefined;
      },
      (error: unknown) => {
        report(error);
        throw unavailable(error);
      },
    );
    // Each call that waits for it rejects by itself; without one, this rejection would be unhandled.
    this.#starting.catch(() => {});
  }

  /** Whether a publication reaches no other node. */
  get isAlone(): boolean {
    return this.#broker.capabilities.reach === "process";
  }

  /** It carries nothing now. */
  get isDown(): boolean {
    return this.#starting === undefined && this.#broker.state() === "down";
  }

  publish(topic: string, data: BrokerData, options?: PublishOptions): Promise<PublishResult> {
    return this.#starting === undefined ? this.#broker.publish(topic, data, options) : this.#starting.then(() => this.#broker.publish(topic, data, options));
  }

  subscribe(topic: string, history: HistoryBounds | undefined): Promise<Position | undefined> {
    const options = history === undefined ? {} : { history };
    return this.#starting === undefined ? this.#broker.subscribe(topic, options) : this.#starting.then(() => this.#broker.subscribe(topic, options));
  }

  unsubscribe(topic: string): Promise<void> {
    return this.#starting === undefined ? this.#broker.unsubscribe(topic) : this.#starting.then(() => this.#broker.unsubscribe(topic));
  }

  history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    return this.#starting === undefined ? this.#broker.history(topic, after, limit) : this.#starting.then(() => this.#broker.history(topic, after, limit));
  }

  /** @throws RealtimeError `unavailable` for a broker that keeps nothing, or has failed. */
  async save(): Promise<Uint8Array> {
    await this.#starting;
    const saved = await this.#broker.save?.();
    if (saved === undefined) throw unavailable(new Error("this broker has no save(): it keeps the histories elsewhere"));
    return saved;
  }

  async close(): Promise<void> {
    await this.#starting?.catch(() => {});
    await this.#broker.close();
  }
}

/** @returns `undefined` when it is ready at once. */
function startOf(broker: Broker, sink: BrokerSink): Promise<void> | undefined {
  try {
    return promiseOf(broker.start(sink)) as Promise<void> | undefined;
  } catch (error) {
    return Promise.reject(error);
  }
}
