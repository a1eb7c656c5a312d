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
import { RealtimeError, type Position } from "@upwire/protocol";
import { Random } from "../fuzz/random.ts";
import { Delays } from "./delays.ts";
import { hostileOdds, type HostileBroker, type HostileCounts, type HostileOdds, type HostileOptions } from "./hostile-options.ts";

/** How often `top` shows what may have been lost. Milliseconds. */
const TOP_MS = 1000;
const NEVER_ANSWERED_EACH = 10;

/**
 * A broker that does to a node the worst that the seam allows, and nothing that it forbids. Deliveries come late, twice, out of
 * order, or not at all, the last one too, which only `top` shows; publishes fail, or take effect and fail, and answers come
 * late; `history` is slow, fails for a while, gives short pages, and once never answers.
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
  readonly #random: Random;
  readonly #odds: HostileOdds;
  readonly #lateMs: number;
  readonly #outageMs: number;
  readonly #clock: HostileOptions["clock"];
  readonly #delays: Delays;
  /** The newest position of each subscribed topic; `undefined` for one without history. */
  readonly #tops = new Map<string, Position | undefined>();
  /** What every publish of a topic waits for: those before it. */
  readonly #lines = new Map<string, Promise<unknown>>();
  readonly #counts = { late: 0, twice: 0, lost: 0, failed: 0, replyLost: 0, neverAnswered: 0 };
  #neverAnswered: number;
  #historyCalls = 0;
  #outageUntil = -Infinity;
  #sink: BrokerSink | undefined;
  #ticks: Timer | undefined;
  #isHealed = false;

  constructor(inner: Broker, { clock, seed = 1, odds, lateMs = 200, outageMs = 1000, neverAnswered = 1 }: HostileOptions) {
    this.#inner = inner;
    this.capabilities = inner.capabilities;
    this.node = inner.node;
    this.#clock = clock;
    this.#delays = new Delays(clock);
    this.#random = new Random(seed, 0);
    this.#odds = { ...hostileOdds, ...odds };
    this.#lateMs = lateMs;
    this.#outageMs = outageMs;
    this.#neverAnswered = neverAnswered;
  }

  get counts(): HostileCounts {
    return { ...this.#counts };
  }

  heal(): void {
    this.#isHealed = true;
  }

  start(sink: BrokerSink): Promise<void> | void {
    this.#sink = sink;
    this.#ticks ??= this.#clock.every(TOP_MS, () => this.#showTops());
    return this.#inner.start({
      message: (topic, publication) => this.#deliver(topic, publication),
      top: (topic, position) => this.#noteTop(topic, position),
      gap: (topic) => sink.gap(topic),
      state: (state) => sink.state(state),
      told: (from, bytes) => sink.told(from, bytes),
      nodes: (alive) => sink.nodes(alive),
    });
  }

  async publish(topic: string, data: BrokerData, options?: PublishOptions): Promise<PublishResult> {
    if (this.#does("publishFails")) throw this.#fails("publish: failed, and had no effect");
    const before = this.#lines.get(topic);
    const lateMs = this.#late("publishLate");
    // Without a wait the call goes on at once: a node may count on nothing else, but a healed broker should be as the one inside.
    const result =
      before === undefined && lateMs === 0
        ? this.#inner.publish(topic, data, options)
        : this.#inLine(topic, before, lateMs, () => this.#inner.publish(topic, data, options));
    const isReplyLost = this.#does("replyLost");
    const answerMs = this.#late("answerLate");
    try {
      await result;
    } finally {
      await this.#delays.wait(answerMs);
    }
    if (!isReplyLost) return result;
    this.#counts.replyLost++;
    throw unavailable("publish: took effect, and its reply was lost");
  }

  async subscribe(topic: string, options?: { readonly history?: HistoryBounds }): Promise<Position | undefined> {
    const fails = this.#does("subscribeFails");
    if (fails && this.#random.once(2)) throw this.#fails("subscribe: failed, and had no effect");
    const answerMs = this.#late("answerLate");
    const position = await this.#inner.subscribe(topic, options);
    const known = this.#tops.get(topic);
    if (known === undefined || position === undefined || isNewer(position, known)) this.#tops.set(topic, position);
    await this.#delays.wait(answerMs);
    if (fails) throw this.#fails("subscribe: took effect, and failed");
    return position;
  }

  async unsubscribe(topic: string): Promise<void> {
    const fails = this.#does("subscribeFails");
    if (fails && this.#random.once(2)) throw this.#fails("unsubscribe: failed, and had no effect");
    const answerMs = this.#late("answerLate");
    await this.#inner.unsubscribe(topic);
    this.#tops.delete(topic);
    await this.#delays.wait(answerMs);
    if (fails) throw this.#fails("unsubscribe: took effect, and failed");
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    const now = this.#clock.now();
    if (now >= this.#outageUntil && this.#does("historyFails")) this.#outageUntil = now + this.#outageMs;
    const fails = !this.#isHealed && now < this.#outageUntil;
    if (!this.#isHealed && ++this.#historyCalls % NEVER_ANSWERED_EACH === 0 && this.#neverAnswered > 0) {
      this.#neverAnswered--;
      this.#counts.neverAnswered++;
      return new Promise(() => {});
    }
    const answerMs = this.#late("answerLate");
    const few = limit > 1 && this.#does("shortPage") ? 1 + this.#random.below(limit) : limit;
    if (fails) {
      await this.#delays.wait(answerMs);
      throw this.#fails("history: failed");
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
    return this.#inner.nodes();
  }

  tell(node: string | undefined, data: Uint8Array, options?: TellOptions): Promise<void> {
    return this.#inner.tell(node, data, options);
  }

  get stats(): BrokerStats {
    return this.#inner.stats;
  }

  saveInner(): Promise<Uint8Array> {
    if (this.#inner.save === undefined) throw new Error("save: the broker inside has none");
    return this.#inner.save();
  }

  async close(): Promise<void> {
    this.#ticks?.cancel();
    this.#sink = undefined;
    this.#tops.clear();
    await this.#inner.close();
    this.#delays.end();
  }

  #deliver(topic: string, publication: BrokerPublication): void {
    const { position } = publication;
    if (position !== undefined) this.#noteTop(topic, position);
    if (this.#does("lose")) {
      this.#counts.lost++;
      // With history `top` shows the loss. Without, the node must be told.
      if (position === undefined) this.#delays.add(this.#random.below(TOP_MS), () => this.#sink?.gap(topic));
      return;
    }
    const arrive = (): void => this.#sink?.message(topic, publication);
    this.#delays.add(this.#late("deliverLate"), arrive);
    if (!this.#does("deliverTwice")) return;
    // Without offsets no node can know that it has had one.
    if (position === undefined) return;
    this.#counts.twice++;
    this.#delays.add(this.#late("deliverLate"), arrive);
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

  #does(what: keyof HostileOdds): boolean {
    return !this.#isHealed && this.#random.below(1000) < this.#odds[what] * 1000;
  }

  /** How late it comes: 0 if not at all. Milliseconds. */
  #late(what: "deliverLate" | "publishLate" | "answerLate"): number {
    if (!this.#does(what)) return 0;
    this.#counts.late++;
    return 1 + this.#random.below(this.#lateMs);
  }

  #fails(message: string): RealtimeError {
    this.#counts.failed++;
    return unavailable(message);
  }
}

function isNewer(position: Position, known: Position): boolean {
  return position.epoch !== known.epoch || position.offset > known.offset;
}

function unavailable(message: string): RealtimeError {
  return new RealtimeError("unavailable", message, { retryable: true });
}
