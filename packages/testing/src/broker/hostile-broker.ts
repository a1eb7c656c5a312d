import type {
  Broker,
  BrokerCapabilities,
  BrokerData,
  BrokerPublication,
  BrokerSink,
  BrokerState,
  BrokerStats,
  HistoryBounds,
  HistoryPage,
  PublishOptions,
  PublishResult,
  TellOptions,
} from "@upwire/cluster/broker";
import type { Timer } from "@upwire/core/adapter";
import type { Position } from "@upwire/protocol";
import { Random } from "../fuzz/random.ts";
import { Delays } from "./delays.ts";
import { hostileOdds, type HostileBroker, type HostileCounts, type HostileOptions } from "./hostile-options.ts";
import { HostilePlane } from "./hostile-plane.ts";
import { Mood } from "./mood.ts";

/** How often `top` shows what may have been lost. Milliseconds. */
const TOP_MS = 1000;
const NEVER_ANSWERED_EACH = 10;

/**
 * A broker that does to a node the worst that the seam allows, and nothing that it forbids. Deliveries come late, twice, out of
 * order, or not at all, the last one too, which only `top` shows; publishes fail, or take effect and fail, and answers come
 * late; `history` is slow, fails for a while, gives short pages, and once never answers. What nodes tell each other comes late and,
 * unless it is to be kept, not at all, but in order and once.
 * @param inner Has not been started: this one does.
 */
export function hostileBroker(inner: Broker, options: HostileOptions): HostileBroker {
  const hostile = new Hostile(inner, options);
  // A broker without `save` keeps its history elsewhere, and must show it.
  if (inner.save === undefined) return hostile;
  const save = (): Promise<Uint8Array> => hostile.saveInner();
  return Object.assign(hostile, { save });
}

class Hostile implements HostileBroker {
  readonly capabilities: BrokerCapabilities;
  readonly node: string;
  readonly #inner: Broker;
  readonly #outageMs: number;
  readonly #clock: HostileOptions["clock"];
  readonly #delays: Delays;
  /** The newest position of each subscribed topic; `undefined` for one without history. */
  readonly #tops = new Map<string, Position | undefined>();
  /** What every publish of a topic waits for: those before it. */
  readonly #lines = new Map<string, Promise<unknown>>();
  readonly #mood: Mood;
  /** Of its own, so that what nodes tell each other does not change what becomes of publications. */
  readonly #planeMood: Mood;
  readonly #plane: HostilePlane;
  readonly #counts = { late: 0, twice: 0, lost: 0, failed: 0, replyLost: 0, neverAnswered: 0, tellsLost: 0 };
  /** What this broker itself has told and rejected. */
  readonly #stats = { rejected: 0, received: 0, lost: 0 };
  #neverAnswered: number;
  #historyCalls = 0;
  #outageUntil = -Infinity;
  #sink: BrokerSink | undefined;
  #ticks: Timer | undefined;

  constructor(inner: Broker, { clock, seed = 1, odds, lateMs = 200, outageMs = 1000, neverAnswered = 1 }: HostileOptions) {
    this.#inner = inner;
    this.capabilities = inner.capabilities;
    this.node = inner.node;
    this.#clock = clock;
    this.#delays = new Delays(clock);
    const setup = { odds: { ...hostileOdds, ...odds }, lateMs, counts: this.#counts };
    this.#mood = new Mood({ ...setup, random: new Random(seed, 0) });
    this.#planeMood = new Mood({ ...setup, random: new Random(seed, 1) });
    this.#plane = new HostilePlane(inner, this.#planeMood, this.#delays);
    this.#outageMs = outageMs;
    this.#neverAnswered = neverAnswered;
  }

  get counts(): HostileCounts {
    return { ...this.#counts };
  }

  heal(): void {
    this.#mood.isHealed = true;
    this.#planeMood.isHealed = true;
  }

  start(sink: BrokerSink): Promise<void> | void {
    const starting = this.#inner.start({
      message: (topic, publication) => this.#deliver(topic, publication),
      top: (topic, position) => this.#noteTop(topic, position),
      gap: (topic) => this.#gap(topic),
      state: (state) => sink.state(state),
      told: (from, bytes) => this.#plane.told(from, bytes, () => this.#sink),
      nodes: (alive) => this.#plane.changed(alive, () => this.#sink),
    });
    this.#sink = sink;
    this.#ticks = this.#clock.every(TOP_MS, () => this.#showTops());
    return starting;
  }

  async publish(topic: string, data: BrokerData, options?: PublishOptions): Promise<PublishResult> {
    try {
      const result = await this.#publish(topic, data, options);
      return this.#planeMood.does("othersUnknown") ? { ...result, others: undefined } : result;
    } catch (error) {
      if (!(error instanceof RangeError)) this.#stats.rejected++;
      throw error;
    }
  }

  async #publish(topic: string, data: BrokerData, options?: PublishOptions): Promise<PublishResult> {
    if (this.#mood.does("publishFails")) throw this.#mood.fails("publish: failed, and had no effect");
    const before = this.#lines.get(topic);
    const lateMs = this.#mood.late("publishLate");
    // Without a wait the call goes on at once: a node may count on nothing else, but a healed broker should be as the one inside.
    const result =
      before === undefined && lateMs === 0
        ? this.#inner.publish(topic, data, options)
        : this.#inLine(topic, before, lateMs, () => this.#inner.publish(topic, data, options));
    const isReplyLost = this.#mood.does("replyLost");
    const answerMs = this.#mood.late("answerLate");
    try {
      await result;
    } finally {
      await this.#delays.wait(answerMs);
    }
    if (!isReplyLost) return result;
    throw this.#mood.replyLost("publish");
  }

  async subscribe(topic: string, options?: { readonly history?: HistoryBounds }): Promise<Position | undefined> {
    const fails = this.#mood.does("subscribeFails");
    if (fails && this.#mood.random.once(2)) throw this.#mood.fails("subscribe: failed, and had no effect");
    const answerMs = this.#mood.late("answerLate");
    const position = await this.#inner.subscribe(topic, options);
    const known = this.#tops.get(topic);
    if (known === undefined || position === undefined || isNewer(position, known)) this.#tops.set(topic, position);
    await this.#delays.wait(answerMs);
    if (fails) throw this.#mood.fails("subscribe: took effect, and failed");
    return position;
  }

  async unsubscribe(topic: string): Promise<void> {
    const fails = this.#mood.does("subscribeFails");
    if (fails && this.#mood.random.once(2)) throw this.#mood.fails("unsubscribe: failed, and had no effect");
    const answerMs = this.#mood.late("answerLate");
    await this.#inner.unsubscribe(topic);
    this.#tops.delete(topic);
    await this.#delays.wait(answerMs);
    if (fails) throw this.#mood.fails("unsubscribe: took effect, and failed");
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    const now = this.#clock.now();
    if (now >= this.#outageUntil && this.#mood.does("historyFails")) this.#outageUntil = now + this.#outageMs;
    const fails = !this.#mood.isHealed && now < this.#outageUntil;
    if (!this.#mood.isHealed && ++this.#historyCalls % NEVER_ANSWERED_EACH === 0 && this.#neverAnswered > 0) {
      this.#neverAnswered--;
      this.#counts.neverAnswered++;
      return new Promise(() => {});
    }
    const answerMs = this.#mood.late("answerLate");
    const few = limit > 1 && this.#mood.does("shortPage") ? 1 + this.#mood.random.below(limit) : limit;
    if (fails) {
      await this.#delays.wait(answerMs);
      throw this.#mood.fails("history: failed");
    }
    try {
      return await this.#inner.history(topic, after, few);
    } finally {
      await this.#delays.wait(answerMs);
    }
  }

  state(): BrokerState {
    return this.#inner.state();
  }

  nodes(): readonly string[] {
    return this.#plane.nodes();
  }

  tell(node: string | undefined, data: Uint8Array, options?: TellOptions): Promise<void> {
    return this.#sink === undefined ? this.#inner.tell(node, data, options) : this.#plane.tell(node, data, options);
  }

  get stats(): BrokerStats {
    return { ...this.#inner.stats, ...this.#stats, told: this.#plane.count };
  }

  saveInner(): Promise<Uint8Array> {
    if (this.#inner.save === undefined) throw new Error("save: the broker inside has none");
    return this.#inner.save();
  }

  async close(): Promise<void> {
    this.#ticks?.cancel();
    this.#sink = undefined;
    this.#plane.close();
    this.#tops.clear();
    await this.#inner.close();
    this.#delays.end();
  }

  #deliver(topic: string, publication: BrokerPublication): void {
    const { position } = publication;
    if (position !== undefined) this.#noteTop(topic, position);
    if (this.#mood.does("lose")) {
      this.#counts.lost++;
      // With history `top` shows the loss. Without, the node must be told.
      if (position === undefined) this.#delays.add(this.#mood.random.below(TOP_MS), () => this.#gap(topic));
      return;
    }
    const arrive = (): void => {
      if (this.#sink === undefined) return;
      this.#stats.received++;
      this.#sink.message(topic, publication);
    };
    this.#delays.add(this.#mood.late("deliverLate"), arrive);
    if (!this.#mood.does("deliverTwice")) return;
    // Without offsets no node can know that it has had one.
    if (position === undefined) return;
    this.#counts.twice++;
    this.#delays.add(this.#mood.late("deliverLate"), arrive);
  }

  #gap(topic: string): void {
    if (this.#sink === undefined) return;
    this.#stats.lost++;
    this.#sink.gap(topic);
  }

  #noteTop(topic: string, position: Position): void {
    const known = this.#tops.get(topic);
    if (this.#tops.has(topic) && known !== undefined && !isNewer(position, known)) return;
    this.#tops.set(topic, position);
  }

  #showTops(): void {
    for (const [topic, position] of this.#tops) if (position !== undefined) this.#sink?.top(topic, position);
  }

  /** Calls `run` behind what the topic waits for already, and `ms` later. */
  async #inLine<Result>(topic: string, before: Promise<unknown> | undefined, ms: number, run: () => Promise<Result>): Promise<Result> {
    const turn = Promise.all([before, this.#delays.wait(ms)]);
    this.#lines.set(topic, turn);
    await turn;
    if (this.#lines.get(topic) === turn) this.#lines.delete(topic);
    return run();
  }
}

function isNewer(position: Position, known: Position): boolean {
  return position.epoch !== known.epoch || position.offset > known.offset;
}
