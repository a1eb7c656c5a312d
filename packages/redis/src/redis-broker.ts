import {
  checkTell,
  closed,
  newNodeName,
  notStarted,
  realClock,
  startedTwice,
  unavailable,
  type Broker,
  type BrokerCapabilities,
  type BrokerData,
  type BrokerSink,
  type BrokerState,
  type BrokerStats,
  type HistoryBounds,
  type HistoryPage,
  type PublishOptions,
  type PublishResult,
  type TellOptions,
} from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { Position } from "@upwire/protocol";
import type { DataCounts } from "./data/context.ts";
import { failed } from "./data/failures.ts";
import { scripts } from "./lua/scripts.ts";
import { Names } from "./data/names.ts";
import { RedisData } from "./data/redis-data.ts";
import { createDriver } from "./driver/create-driver.ts";
import type { RedisDriver } from "./driver/driver.ts";
import { guardedSink } from "./guarded-sink.ts";
import { NodePlane } from "./nodes/node-plane.ts";
import { planeScripts } from "./nodes/scripts.ts";
import { readOptions, type RedisBrokerOptions, type RedisBrokerSettings } from "./options.ts";
import { Reports } from "./reports.ts";

/** What was published goes out before a close, but no longer than this. Milliseconds. */
const DRAIN_MS = 1000;

/**
 * The broker of many machines, on Redis 7.0 or later, or Valkey: Pub/Sub carries publications, one script for each batch keeps the history.
 * `redisBroker({ url: "redis://127.0.0.1:6379", prefix: "shop" })`.
 *
 * Topics without history never stop on this node while Redis is away: `publish` says `local-only`, and what others have not got shows there
 * as a gap. Topics with history wait in a bounded queue for its return, or reject as `unavailable`.
 *
 * `start` rejects with a `RedisStartError` that says in one line why this Redis cannot serve.
 * @throws RangeError, TypeError for options that cannot be meant.
 */
export function redisBroker(options: RedisBrokerOptions): Broker {
  return new RedisBroker(readOptions(options));
}

class RedisBroker implements Broker {
  readonly capabilities: BrokerCapabilities = Object.freeze({ history: "durable", reach: "cluster" });
  readonly node: string = newNodeName();
  readonly #settings: RedisBrokerSettings;
  readonly #clock: Clock;
  readonly #reports: Reports;
  readonly #counts: DataCounts & { tells: number; told: number; reconnects: number };
  #sink: BrokerSink | undefined;
  #driver: RedisDriver | undefined;
  #data: RedisData | undefined;
  #plane: NodePlane | undefined;
  #wasDown = false;
  /** What is told and that Redis has not taken over yet. */
  #tellBytes = 0;
  #closing: Promise<void> | undefined;

  constructor(settings: RedisBrokerSettings) {
    this.#settings = settings;
    this.#clock = settings.clock ?? realClock;
    this.#reports = new Reports(this.#clock, settings.onError);
    this.#counts = { published: 0, rejected: 0, received: 0, lost: 0, foreign: 0, tells: 0, told: 0, reconnects: 0 };
  }

  get stats(): BrokerStats {
    const { count: queued, bytes: queuedBytes } = this.#data?.queued ?? { count: 0, bytes: 0 };
    return { ...this.#counts, subscriptions: this.#data?.subscriptions ?? 0, queued, queuedBytes };
  }

  async start(sink: BrokerSink): Promise<void> {
    if (this.#closing !== undefined) throw closed();
    if (this.#sink !== undefined) throw startedTwice();
    const report = (error: Error): void => this.#reports.report(error);
    this.#sink = guardedSink(sink, report);
    const { client, prefix, sharded, limits } = this.#settings;
    const { node } = this;
    const clock = this.#clock;
    const driver = await createDriver({ client, prefix, node, clock, sharded, scripts: [...scripts, ...planeScripts] });
    if (this.#closing !== undefined) throw closed();
    this.#driver = driver;
    const told = (from: string, data: Uint8Array): void => {
      this.#counts.told++;
      this.#sinkNow?.told(from, data);
    };
    const nodes = (alive: readonly string[]): void => {
      this.#data?.nodes(alive);
      this.#sinkNow?.nodes(alive);
    };
    const plane = new NodePlane({ driver, prefix, node, clock, told, nodes, report });
    const safe = {
      message: (topic, publication) => this.#sinkNow?.message(topic, publication),
      top: (topic, position) => this.#sinkNow?.top(topic, position),
      gap: (topic) => this.#sinkNow?.gap(topic),
    } satisfies Pick<BrokerSink, "message" | "top" | "gap">;
    const data = new RedisData({ driver, names: new Names(prefix), node, clock, sink: safe, counts: this.#counts, report }, limits);
    try {
      await driver.start({
        message: (channel, bytes) => void (data.message(channel, bytes) || plane.message(channel, bytes)),
        resubscribed: (channels) => {
          data.resubscribed();
          plane.resubscribed(channels);
        },
        state: (state) => this.#isNow(state, data),
        error: report,
      });
      await data.start();
      await plane.start();
      if (this.#closing !== undefined) throw closed();
    } catch (error) {
      data.close();
      await plane.close();
      await driver.close();
      throw this.#closing === undefined ? error : closed();
    }
    data.nodes(plane.nodes());
    this.#data = data;
    this.#plane = plane;
  }

  publish(topic: string, data: BrokerData, options: PublishOptions = {}): Promise<PublishResult> {
    // Not async: each message would pay for it.
    if (this.#closing !== undefined) this.#counts.rejected++;
    try {
      return this.#now(this.#data).publish(topic, data, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async subscribe(topic: string, options: { readonly history?: HistoryBounds } = {}): Promise<Position | undefined> {
    return this.#now(this.#data).subscribe(topic, options);
  }

  async unsubscribe(topic: string): Promise<void> {
    await this.#now(this.#data).unsubscribe(topic);
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    return this.#now(this.#data).history(topic, after, limit);
  }

  state(): BrokerState {
    return this.#closing === undefined ? (this.#driver?.state() ?? "down") : "down";
  }

  nodes(): readonly string[] {
    return this.#closing === undefined ? (this.#plane?.nodes() ?? []) : [];
  }

  async tell(node: string | undefined, data: Uint8Array, options: TellOptions = {}): Promise<void> {
    const plane = this.#now(this.#plane);
    checkTell(data, options);
    const { byteLength } = data;
    const most = this.#settings.limits.upBytes;
    if (this.#tellBytes + byteLength > most) throw unavailable(`tell: Redis is slower than what is told; at most ${most} bytes may wait for it`);
    this.#tellBytes += byteLength;
    try {
      await plane.tell(node, data, options);
    } catch (error) {
      throw failed("tell", error);
    } finally {
      this.#tellBytes -= byteLength;
    }
    this.#counts.tells++;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const data = this.#data;
    if (data !== undefined && this.#driver?.state() !== "down") await data.drain(DRAIN_MS);
    this.#sink = undefined;
    data?.close();
    await this.#plane?.close();
    await this.#driver?.close();
    this.#data = undefined;
  }

  #isNow(state: BrokerState, data: RedisData): void {
    if (state === "down") this.#wasDown = true;
    else if (this.#wasDown) {
      this.#wasDown = false;
      this.#counts.reconnects++;
    }
    data.state(state);
    if (this.#plane !== undefined) this.#sinkNow?.state(state);
  }

  /** `undefined` once this broker is closing for good. */
  get #sinkNow(): BrokerSink | undefined {
    return this.#sink;
  }

  #now<Part>(part: Part | undefined): Part {
    if (this.#closing !== undefined) throw closed();
    if (part === undefined) throw notStarted();
    return part;
  }
}
