import type { BrokerData, PublishResult } from "@upwire/cluster/broker";
import { encodeEnvelope, type EnvelopeItem, type SenderNumbers } from "@upwire/cluster/envelope";
import type { RedisCommand } from "../driver/driver.ts";
import { RedisReplyError } from "../driver/driver.ts";
import type { DataContext } from "./context.ts";
import { failed } from "./failures.ts";
import { dataBytesOf } from "./history-line.ts";
import type { QueueLimits } from "./limits.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { UnderWay } from "./under-way.ts";
import { withResolvers } from "./with-resolvers.ts";

/** Publications of one topic in one envelope, which share what becomes of them. */
interface Batch {
  readonly items: EnvelopeItem[];
  bytes: number;
  readonly result: Promise<PublishResult>;
  readonly resolve: (result: PublishResult) => void;
}

/** What this node publishes to one topic: one round trip is under way, the next batches wait for its end. */
interface Line {
  readonly topic: string;
  waiting: Batch[];
  isUnderWay: boolean;
}

/** A round trip of one topic. */
interface Sent {
  readonly line: Line;
  readonly batch: Batch;
}

interface Own extends EnvelopeItem {
  readonly topic: string;
}

const LOCAL_ONLY: PublishResult = Object.freeze({ position: undefined, delivery: "local-only", repeated: false, others: undefined });

/**
 * Publishes to topics without history. What is published to a topic goes out at the end of the running task when nothing of the topic is
 * under way; else when that has come back. So the first one never waits, and many are few envelopes. The members of this node get it
 * at the end of the task in any case, also when Redis is away; what others do not get shows there by the numbers.
 */
export class PlainPublisher {
  readonly #context: DataContext;
  readonly #numbers: SenderNumbers;
  readonly #subscriptions: Subscriptions;
  readonly #limits: QueueLimits;
  /** The lines that have publications waiting or under way. */
  readonly #lines = new Map<string, Line>();
  #due: Line[] = [];
  /** What members of this node still have to get. */
  #own: Own[] = [];
  readonly #underWay = new UnderWay();
  #isScheduled = false;
  #isClosed = false;
  #underWayBytes = 0;

  constructor(context: DataContext, parts: { readonly numbers: SenderNumbers; readonly subscriptions: Subscriptions; readonly limits: QueueLimits }) {
    this.#context = context;
    this.#numbers = parts.numbers;
    this.#subscriptions = parts.subscriptions;
    this.#limits = parts.limits;
  }

  publish(topic: string, data: BrokerData, origin: string | undefined): Promise<PublishResult> {
    if (this.#subscriptions.has(topic)) this.#own.push({ topic, data, origin });
    let line = this.#lines.get(topic);
    if (line === undefined) this.#lines.set(topic, (line = { topic, waiting: [], isUnderWay: false }));
    const batch = this.#batchFor(line, dataBytesOf(data));
    batch.items.push({ data, origin });
    this.#schedule();
    return batch.result;
  }

  /** Fulfils when nothing is under way. */
  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The batch that takes the next publication: not too many bytes at once, but at least one. */
  #batchFor(line: Line, size: number): Batch {
    const { batchBytes, batchMessages, upBytes } = this.#limits;
    this.#underWay.begin(1);
    if (this.#underWayBytes + size > upBytes) return this.#refused(line);
    this.#underWayBytes += size;
    let batch = line.waiting.at(-1);
    if (batch === undefined || batch.bytes + size > batchBytes || batch.items.length >= batchMessages) {
      batch = newBatch();
      line.waiting.push(batch);
      if (line.waiting.length === 1 && !line.isUnderWay) this.#due.push(line);
    }
    batch.bytes += size;
    return batch;
  }

  /** Of one publication that nothing takes: its number shows that it is missing. */
  #refused(line: Line): Batch {
    this.#numbers.take(line.topic, 1, this.#context.clock.now());
    if (!line.isUnderWay && line.waiting.length === 0) this.#lines.delete(line.topic);
    this.#underWay.end(1);
    const batch = newBatch();
    batch.resolve(LOCAL_ONLY);
    return batch;
  }

  #flush(): void {
    this.#isScheduled = false;
    const own = this.#own;
    const due = this.#due;
    this.#own = [];
    this.#due = [];
    if (!this.#isClosed) for (const { topic, data, origin } of own) this.#subscriptions.own(topic, data, origin);
    if (due.length === 0) return;
    const now = this.#context.clock.now();
    const { driver } = this.#context;
    if (this.#isClosed || driver.state() === "down") return due.forEach((line) => this.#giveUp(line, now));
    const sent = due.map((line) => this.#take(line));
    // A master of a Cluster that does not answer must not hold up what is on the others.
    if (driver.sharded) for (const batches of sent) void this.#send(batches, now);
    else void this.#send(sent.flat(), now);
  }

  #take(line: Line): Sent[] {
    const batches = line.waiting;
    line.waiting = [];
    line.isUnderWay = true;
    return batches.map((batch) => ({ line, batch }));
  }

  /** Redis is away: this node alone got it. */
  #giveUp(line: Line, now: number): void {
    for (const { batch } of this.#take(line)) {
      this.#numbers.take(line.topic, batch.items.length, now);
      this.#settle(batch, LOCAL_ONLY);
    }
    this.#goOn(line);
  }

  async #send(sent: readonly Sent[], now: number): Promise<void> {
    const { driver, counts } = this.#context;
    const replies = await driver.many(sent.map(({ line, batch }) => this.#call(line.topic, batch.items, now)));
    for (const [at, { line, batch }] of sent.entries()) {
      const reply = replies[at];
      if (typeof reply !== "number") {
        if (reply instanceof RedisReplyError) this.#context.report(failed("publish without history, for this node only", reply));
        this.#settle(batch, LOCAL_ONLY);
        continue;
      }
      counts.published += batch.items.length;
      const others = this.#subscriptions.others(line.topic, reply);
      if (others === 0) this.#numbers.rest(line.topic);
      this.#settle(batch, { position: undefined, delivery: "cluster", repeated: false, others });
    }
    for (const { line } of sent) if (line.isUnderWay) this.#goOn(line);
    this.#schedule();
  }

  #call(topic: string, items: readonly EnvelopeItem[], now: number): RedisCommand {
    const { driver, names, node } = this.#context;
    const { first, earlierMs } = this.#numbers.take(topic, items.length, now);
    return driver.publication(names.channel(topic), encodeEnvelope({ kind: "publications", node, first, earlierMs, position: undefined, items }));
  }

  #settle({ items, bytes, resolve }: Batch, result: PublishResult): void {
    this.#underWayBytes -= bytes;
    this.#underWay.end(items.length);
    resolve(result);
  }

  #goOn(line: Line): void {
    line.isUnderWay = false;
    if (line.waiting.length > 0) this.#due.push(line);
    else this.#lines.delete(line.topic);
  }

  #schedule(): void {
    if (this.#isScheduled || (this.#due.length === 0 && this.#own.length === 0)) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#flush());
  }
}

function newBatch(): Batch {
  const { promise: result, resolve } = withResolvers<PublishResult>();
  return { items: [], bytes: 0, result, resolve };
}
