import { DEFAULT_KEY_MS, unavailable, type BrokerData, type HistoryBounds, type PublishOptions, type PublishResult } from "@upwire/cluster/broker";
import type { RedisReply } from "../driver/driver.ts";
import { readBatch, type BatchAnswer, type HistoryCalls } from "./calls.ts";
import type { DataContext } from "./context.ts";
import { failed, isPassing, isUnknown, odd } from "./failures.ts";
import { dataBytesOf, HistoryLine, queuedBytes, type Kept } from "./history-line.ts";
import type { QueueLimits } from "./limits.ts";
import type { Seen } from "./seen.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { UnderWay } from "./under-way.ts";

/** A batch that the server could not do just now is tried again after so long. Milliseconds. */
const PAUSE_MS = 200;

/**
 * Publishes to topics with history. All that a turn of the event loop publishes to a topic is one call of a script, the calls of all topics
 * are one round trip, and of each topic one batch is under way.
 */
export class HistoryPublisher {
  readonly #context: DataContext;
  readonly #calls: HistoryCalls;
  readonly #subscriptions: Subscriptions;
  readonly #seenOf: (topic: string) => Seen;
  readonly #limits: QueueLimits;
  /** By topic, the lines that have publications waiting or under way. */
  readonly #lines = new Map<string, HistoryLine>();
  #due = new Set<HistoryLine>();
  #isScheduled = false;
  #isReady = false;
  readonly #underWay = new UnderWay();
  #isClosed = false;
  #count = 0;
  #bytes = 0;

  constructor(
    context: DataContext,
    parts: { readonly calls: HistoryCalls; readonly subscriptions: Subscriptions; readonly seenOf: (topic: string) => Seen; readonly limits: QueueLimits },
  ) {
    this.#context = context;
    this.#calls = parts.calls;
    this.#subscriptions = parts.subscriptions;
    this.#seenOf = parts.seenOf;
    this.#limits = parts.limits;
  }

  /** Publications that wait or are under way. */
  get count(): number {
    return this.#count;
  }

  /** What those take. */
  get bytes(): number {
    return this.#bytes;
  }

  publish(topic: string, data: BrokerData, bounds: HistoryBounds, { key, keyMs = DEFAULT_KEY_MS, origin }: PublishOptions): Promise<PublishResult> {
    const dataBytes = dataBytesOf(data);
    const bytes = queuedBytes(dataBytes);
    const isFull = this.#isFull(bytes);
    if (isFull !== undefined) {
      this.#context.counts.rejected++;
      return Promise.reject(isFull);
    }
    let line = this.#lines.get(topic);
    if (line === undefined) this.#lines.set(topic, (line = new HistoryLine(topic, this.#seenOf(topic), bounds)));
    line.bounds = bounds;
    this.#count++;
    this.#bytes += bytes;
    this.#underWay.begin(1);
    this.#schedule(line);
    const at = this.#context.clock.now();
    return new Promise((resolve, reject) => line.push({ data, origin, key, keyMs, dataBytes, bytes, at, resolve, reject }));
  }

  /** Fulfils when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  /** Redis is there, and positions have been compared: what waits goes out. */
  ready(): void {
    this.#isReady = true;
    for (const line of this.#lines.values()) this.#schedule(line);
  }

  /** Redis is away: what is not under way waits. */
  notReady(): void {
    this.#isReady = false;
  }

  /** Gives up what has waited too long, and tries again what paused. To be called a few times a second. */
  tick(): void {
    const now = this.#context.clock.now();
    for (const line of this.#lines.values()) {
      const late = line.takeOlder(now - this.#limits.ageMs);
      for (const kept of late) this.#reject(kept, unavailable(`publish: Redis was not there for ${this.#limits.ageMs} ms (queue.ageMs)`));
      this.#schedule(line);
      this.#release(line);
    }
  }

  /** Rejects what waits; what is under way then settles with its answer, which comes when the driver is closed. */
  close(): void {
    this.#isClosed = true;
    for (const line of this.#lines.values()) {
      for (const kept of line.takeOlder(Infinity)) this.#reject(kept, unavailable("publish: this broker has been closed"));
    }
    this.#isReady = false;
  }

  #isFull(bytes: number): Error | undefined {
    const isUp = this.#isReady;
    const { messages, bytes: maxBytes, upMessages, upBytes } = this.#limits;
    const most = isUp ? upMessages : messages;
    const mostBytes = isUp ? upBytes : maxBytes;
    if (this.#count < most && this.#bytes + bytes <= mostBytes) return undefined;
    const reason = isUp ? "Redis is slower than what is published" : "Redis is away";
    return unavailable(`publish: ${reason}, and ${this.#count} publications of ${this.#bytes} bytes wait for it; at most ${most} and ${mostBytes} may`);
  }

  #schedule(line: HistoryLine): void {
    this.#due.add(line);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#isReady) return;
    const now = this.#context.clock.now();
    const lines: HistoryLine[] = [];
    const batches: Kept[][] = [];
    for (const line of this.#due) {
      if (line.isUnderWay || line.size === 0 || line.pauseUntil > now) continue;
      line.isUnderWay = true;
      lines.push(line);
      batches.push(line.take(this.#limits.batchMessages, this.#limits.batchBytes));
    }
    this.#due = new Set();
    if (lines.length > 0) void this.#send(lines, batches);
  }

  async #send(lines: readonly HistoryLine[], batches: readonly (readonly Kept[])[]): Promise<void> {
    const calls = lines.map(({ topic, seen, bounds }, at) => this.#calls.publish(topic, seen, bounds, batches[at] ?? []));
    const replies = await this.#context.driver.many(calls);
    for (const [at, line] of lines.entries()) {
      const batch = batches[at] ?? [];
      const reply = replies[at] ?? odd(new Error("nothing"));
      line.isUnderWay = false;
      const answer = reply instanceof Error ? reply : batchOf(reply, batch.length);
      if (answer instanceof Error) this.#failed(line, batch, answer);
      else this.#done(line, batch, answer);
      if (line.size > 0) this.#schedule(line);
      else this.#release(line);
    }
  }

  #done(line: HistoryLine, batch: readonly Kept[], { epoch, run, from, count, receivers, repeated }: BatchAnswer): void {
    const { topic, seen } = line;
    if (count > 0) seen.answered(epoch, from + count - 1, run);
    const fresh = repeated.size === 0 ? batch : batch.filter((_, at) => !repeated.has(at));
    if (count > 0) this.#subscriptions.ownKept(topic, { epoch, offset: from }, fresh);
    const others = this.#subscriptions.others(topic, receivers);
    let offset = from;
    for (const [at, kept] of batch.entries()) {
      const known = repeated.get(at);
      this.#settle(kept);
      if (known !== undefined) kept.resolve({ position: known, delivery: "cluster", repeated: true, others: undefined });
      else {
        this.#context.counts.published++;
        kept.resolve({ position: { epoch, offset: offset++ }, delivery: "cluster", repeated: false, others });
      }
    }
  }

  /** What has surely not been done, or may be done twice without harm, is tried again in its place. */
  #failed(line: HistoryLine, batch: readonly Kept[], error: Error): void {
    if (this.#isClosed) {
      for (const kept of batch) this.#reject(kept, failed("publish", error));
      return;
    }
    if (isPassing(error)) {
      line.pauseUntil = this.#context.clock.now() + PAUSE_MS;
      line.putBack(batch);
      return;
    }
    const again = isUnknown(error) ? batch.filter(({ key }) => key !== undefined) : [];
    for (const kept of batch) if (!again.includes(kept)) this.#reject(kept, failed("publish", error));
    // A server that only ever answers something odd is not asked without a pause.
    if (this.#context.driver.state() !== "down") line.pauseUntil = this.#context.clock.now() + PAUSE_MS;
    line.putBack(again);
  }

  #reject(kept: Kept, error: ReturnType<typeof unavailable>): void {
    this.#settle(kept);
    this.#context.counts.rejected++;
    kept.reject(error);
  }

  #settle({ bytes }: Kept): void {
    this.#count--;
    this.#bytes -= bytes;
    this.#underWay.end(1);
  }

  #release(line: HistoryLine): void {
    if (line.size === 0 && !line.isUnderWay) this.#lines.delete(line.topic);
  }
}

/** An answer that is none of the script's is no answer: it is not known whether it was done. */
function batchOf(reply: RedisReply, size: number): BatchAnswer | Error {
  try {
    return readBatch(reply, size);
  } catch (error) {
    return odd(error);
  }
}
