import {
  checkHistory,
  checkPublish,
  checkSubscribe,
  checkTopic,
  type BrokerData,
  type BrokerState,
  type HistoryBounds,
  type HistoryPage,
  type PublishOptions,
  type PublishResult,
} from "@upwire/cluster/broker";
import { decodeEnvelope, SenderNumbers } from "@upwire/cluster/envelope";
import type { Timer } from "@upwire/core/adapter";
import type { Position } from "@upwire/protocol";
import { HistoryCalls, readPage } from "./calls.ts";
import type { DataContext } from "./context.ts";
import { failed } from "./failures.ts";
import { Heartbeat } from "./heartbeat.ts";
import { HistoryPublisher } from "./history-publisher.ts";
import { KeyedPublisher } from "./keyed-publisher.ts";
import type { QueueLimits } from "./limits.ts";
import { PlainPublisher } from "./plain-publisher.ts";
import { SeenTopics } from "./seen-topics.ts";
import { Subscriptions } from "./subscriptions.ts";

const TICK_MS = 250;
/** Every so many ticks tops are told and positions are compared: a second. */
const AUDIT_TICKS = 4;
/** Every so many ticks what is old is forgotten: a minute. */
const SWEEP_TICKS = 240;
/** How long a server can be dead until the driver notices, and a little more. Milliseconds. */
const UNNOTICED_MS = 5000;
/** How long after a cut all nodes that are still alive have come back and repeated their numbers. Milliseconds. */
const SETTLE_MS = 4000;
/** A node that has been gone for so long has nothing left to repeat. Milliseconds. */
const FORGET_MS = 600_000;

/** Publications, subscriptions and histories on Redis: the data half of the broker, over a driver that is started. */
export class RedisData {
  readonly #context: DataContext;
  readonly #calls: HistoryCalls;
  readonly #seen = new SeenTopics();
  readonly #subscriptions: Subscriptions;
  readonly #kept: HistoryPublisher;
  readonly #plain: PlainPublisher;
  readonly #keyed: KeyedPublisher;
  readonly #heartbeat: Heartbeat;
  readonly #numbers: readonly SenderNumbers[];
  readonly #timer: Timer;
  readonly #gone = new Map<string, number>();
  #alive: ReadonlySet<string> = new Set();
  #ticks = 0;
  #downAt: number | undefined;
  /** The cut whose losses are not all told yet, the nodes that have not repeated their numbers since, and when all of them should have. */
  #cut: { readonly since: number; readonly unheard: Set<string>; readonly settledAt: number } | undefined;
  #isClosed = false;

  constructor(context: DataContext, limits: QueueLimits) {
    const { driver, names, node, clock } = context;
    this.#context = context;
    this.#calls = new HistoryCalls({ names, node, isSharded: driver.sharded });
    const seenOf = this.#seen.of.bind(this.#seen);
    this.#subscriptions = new Subscriptions(context, this.#calls, seenOf);
    const common = { subscriptions: this.#subscriptions, limits };
    const plain = { name: node, numbers: new SenderNumbers() };
    const keyed = { name: `${node}-k`, numbers: new SenderNumbers() };
    this.#numbers = [plain.numbers, keyed.numbers];
    this.#kept = new HistoryPublisher(context, { ...common, calls: this.#calls, seenOf });
    this.#plain = new PlainPublisher(context, { ...common, numbers: plain.numbers });
    this.#keyed = new KeyedPublisher(context, { ...common, ...keyed });
    this.#heartbeat = new Heartbeat(context, [plain, keyed], (topic, receivers) => this.#subscriptions.others(topic, receivers));
    this.#timer = clock.every(TICK_MS, () => this.#tick());
  }

  /** Publications with history that wait or are under way, and what they take in bytes. */
  get queued(): { readonly count: number; readonly bytes: number } {
    return { count: this.#kept.count, bytes: this.#kept.bytes };
  }

  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** To be called once the driver has started. */
  async start(): Promise<void> {
    await this.#context.driver.subscribe([this.#context.names.repeats]);
    this.#kept.ready();
  }

  publish(topic: string, data: BrokerData, options: PublishOptions): Promise<PublishResult> {
    try {
      checkPublish(topic, data, options);
    } catch (error) {
      return Promise.reject(error);
    }
    const { history, key, origin } = options;
    if (history !== undefined) return this.#kept.publish(topic, data, history, options);
    return key === undefined ? this.#plain.publish(topic, data, origin) : this.#keyed.publish(topic, data, { ...options, key });
  }

  /** Fulfils when nothing that was published is under way, or after `ms`. */
  async drain(ms: number): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => (timer = this.#context.clock.after(ms, resolve)));
    await Promise.race([late, Promise.all([this.#kept.idle(), this.#plain.idle(), this.#keyed.idle()])]);
    timer?.cancel();
  }

  async subscribe(topic: string, options: { readonly history?: HistoryBounds }): Promise<Position | undefined> {
    checkSubscribe(topic, options);
    return this.#subscriptions.subscribe(topic, options.history);
  }

  async unsubscribe(topic: string): Promise<void> {
    checkTopic(topic);
    return this.#subscriptions.unsubscribe(topic);
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    checkHistory(topic, after, limit);
    const seen = this.#seen.of(topic);
    let answer;
    try {
      answer = readPage(await this.#context.driver.call(this.#calls.page(topic, seen, after, limit)), after, limit);
    } catch (error) {
      throw failed("history", error);
    }
    const { page, run, foreign } = answer;
    this.#context.counts.foreign += foreign;
    if (page.epoch !== "") seen.answered(page.epoch, page.top, run);
    return page;
  }

  /** @returns whether it was for this half. */
  message(channel: string, bytes: Buffer): boolean {
    const isRepeats = channel === this.#context.names.repeats;
    if (!isRepeats && !this.#subscriptions.hears(channel)) return false;
    const envelope = decodeEnvelope(bytes);
    if (isRepeats) {
      if (envelope?.kind !== "control") this.#context.counts.foreign++;
      else this.#heard(envelope.node, this.#heartbeat.heard(envelope.node, envelope.data));
    } else if (envelope?.kind === "publications") this.#subscriptions.publications(channel, envelope);
    else if (envelope?.kind === "tops") this.#subscriptions.tops(channel, envelope);
    else this.#context.counts.foreign++;
    return true;
  }

  #heard(from: string, what: ReturnType<Heartbeat["heard"]>): void {
    if (what === "foreign") this.#context.counts.foreign++;
    else if (what === "answer") this.#cut?.unheard.delete(from);
  }

  /** The driver was cut off, and hears again. */
  resubscribed(): void {
    const now = this.#context.clock.now();
    const since = this.#cut?.since ?? (this.#downAt ?? now) - UNNOTICED_MS;
    const unheard = new Set([...(this.#cut?.unheard ?? []), ...this.#alive]);
    unheard.delete(this.#context.node);
    this.#cut = { since, unheard, settledAt: now + SETTLE_MS };
    this.#downAt = undefined;
    this.#subscriptions.cut(since);
    this.#heartbeat.wasAway(now - since);
  }

  state(state: BrokerState): void {
    if (state === "down") {
      this.#downAt ??= this.#context.clock.now();
      this.#kept.notReady();
      this.#subscriptions.down();
    } else void this.#goOn();
  }

  /** The nodes that are alive. */
  nodes(alive: readonly string[]): void {
    const now = this.#context.clock.now();
    const next = new Set(alive);
    for (const node of this.#alive) if (!next.has(node)) this.#gone.set(node, now);
    for (const node of next) this.#gone.delete(node);
    this.#alive = next;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
    this.#plain.close();
    this.#keyed.close();
    this.#kept.close();
    this.#subscriptions.close();
  }

  /** Positions first, so that a log that came back shorter is seen; then what has waited. */
  async #goOn(): Promise<void> {
    await Promise.all([this.#subscriptions.lookAtAll(), this.#keyed.tellKeys()]);
    if (this.#isClosed || this.#context.driver.state() === "down") return;
    this.#kept.ready();
    void this.#heartbeat.tick();
  }

  #tick(): void {
    this.#ticks++;
    this.#kept.tick();
    if (this.#ticks % AUDIT_TICKS === 0) this.#subscriptions.tellTops();
    if (this.#ticks % SWEEP_TICKS === 0) this.#sweep();
    if (this.#context.driver.state() === "down") return;
    this.#settle();
    void this.#heartbeat.tick();
    if (this.#ticks % AUDIT_TICKS === 0) void this.#subscriptions.audit();
  }

  /** All nodes have repeated their numbers by now, except nodes that ended meanwhile: nothing tells any more what these had published. */
  #settle(): void {
    const cut = this.#cut;
    if (cut === undefined) return;
    const now = this.#context.clock.now();
    if (cut.unheard.size > 0 && now < cut.settledAt) {
      if (this.#ticks % AUDIT_TICKS === 0) this.#heartbeat.askFor(now - cut.since);
      return;
    }
    this.#cut = undefined;
    if (cut.unheard.size > 0) this.#subscriptions.loseAll();
  }

  #sweep(): void {
    const now = this.#context.clock.now();
    for (const numbers of this.#numbers) numbers.sweep(now);
    this.#seen.sweep((topic) => this.#subscriptions.has(topic));
    for (const [node, at] of this.#gone) {
      if (now - at < FORGET_MS) continue;
      this.#gone.delete(node);
      this.#subscriptions.forgetSender(node);
      this.#subscriptions.forgetSender(`${node}-k`);
    }
  }
}
