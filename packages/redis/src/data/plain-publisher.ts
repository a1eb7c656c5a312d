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

interface Plain extends EnvelopeItem {
  readonly resolve: (result: PublishResult) => void;
}

/** Publications of one topic in one envelope. */
interface Sent {
  readonly topic: string;
  readonly bytes: number;
  readonly items: readonly Plain[];
}

const LOCAL_ONLY: PublishResult = Object.freeze({ position: undefined, delivery: "local-only", repeated: false, others: undefined });

/**
 * Publishes to topics without history. All that a turn of the event loop publishes to a topic is one envelope, all envelopes are
 * one round trip. The members of this node get it first, and also when Redis is away; what others do not get
 * shows there by the numbers.
 */
export class PlainPublisher {
  readonly #context: DataContext;
  readonly #numbers: SenderNumbers;
  readonly #subscriptions: Subscriptions;
  readonly #limits: QueueLimits;
  #waiting = new Map<string, Plain[]>();
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
    return new Promise((resolve) => {
      this.#underWay.begin(1);
      const plain = { data, origin, resolve };
      const waiting = this.#waiting.get(topic);
      if (waiting === undefined) this.#waiting.set(topic, [plain]);
      else waiting.push(plain);
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  /** Fulfils when nothing is under way. */
  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  close(): void {
    this.#isClosed = true;
  }

  #flush(): void {
    this.#isScheduled = false;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    const { driver, names, node, clock } = this.#context;
    const now = clock.now();
    const isAway = this.#isClosed || driver.state() === "down";
    const sent: Sent[] = [];
    const calls: RedisCommand[] = [];
    for (const [topic, all] of waiting) {
      if (!this.#isClosed) for (const { data, origin } of all) this.#subscriptions.own(topic, data, origin);
      for (const { items, bytes } of this.#batches(all)) {
        const { first, earlierMs } = this.#numbers.take(topic, items.length, now);
        if (isAway || this.#underWayBytes + bytes > this.#limits.upBytes) {
          this.#settle(items, LOCAL_ONLY);
          continue;
        }
        this.#underWayBytes += bytes;
        sent.push({ topic, items, bytes });
        calls.push(driver.publication(names.channel(topic), encodeEnvelope({ kind: "publications", node, first, earlierMs, position: undefined, items })));
      }
    }
    if (calls.length > 0) void this.#send(sent, calls);
  }

  async #send(sent: readonly Sent[], calls: readonly RedisCommand[]): Promise<void> {
    const replies = await this.#context.driver.many(calls);
    for (const [at, { topic, items, bytes }] of sent.entries()) {
      const reply = replies[at];
      this.#underWayBytes -= bytes;
      if (typeof reply !== "number") {
        if (reply instanceof RedisReplyError) this.#context.report(failed("publish without history, for this node only", reply));
        this.#settle(items, LOCAL_ONLY);
        continue;
      }
      this.#context.counts.published += items.length;
      const others = this.#subscriptions.others(topic, reply);
      if (others === 0) this.#numbers.rest(topic);
      this.#settle(items, { position: undefined, delivery: "cluster", repeated: false, others });
    }
  }

  /** Publications that go into one envelope: not too many bytes at once, but at least one. */
  *#batches(all: readonly Plain[]): Generator<{ readonly items: readonly Plain[]; readonly bytes: number }> {
    const { batchBytes, batchMessages } = this.#limits;
    let from = 0;
    let bytes = 0;
    for (let at = 0; at < all.length; at++) {
      const size = dataBytesOf(all[at]?.data ?? "");
      if (at > from && (bytes + size > batchBytes || at - from >= batchMessages)) {
        yield { items: all.slice(from, at), bytes };
        from = at;
        bytes = 0;
      }
      bytes += size;
    }
    yield { items: from === 0 ? all : all.slice(from), bytes };
  }

  #settle(items: readonly Plain[], result: PublishResult): void {
    this.#underWay.end(items.length);
    for (const { resolve } of items) resolve(result);
  }
}
