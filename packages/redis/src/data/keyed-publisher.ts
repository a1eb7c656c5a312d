import { DEFAULT_KEY_MS, type BrokerData, type PublishOptions, type PublishResult } from "@upwire/cluster/broker";
import { encodeEnvelope, SenderNumbers, type PublicationsEnvelope } from "@upwire/cluster/envelope";
import type { RealtimeError } from "@upwire/protocol";
import { RedisReplyError, type RedisArgument, type RedisScriptCall } from "../driver/driver.ts";
import type { LineAnswer } from "../driver/line.ts";
import { replyArray } from "../driver/reply.ts";
import type { DataContext } from "./context.ts";
import { failed, isUnknown, odd } from "./failures.ts";
import { dataBytesOf, queuedBytes } from "./history-line.ts";
import { LocalKeys } from "./local-keys.ts";
import { keyedScript } from "../lua/scripts.ts";
import type { QueueLimits } from "./limits.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { UnderWay } from "./under-way.ts";

interface Keyed {
  readonly key: string;
  readonly keyMs: number;
  readonly keyOwner: string;
  readonly envelope: PublicationsEnvelope;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: RealtimeError) => void;
}

interface Given {
  readonly data: BrokerData;
  readonly bytes: number;
  readonly options: PublishOptions & { readonly key: string };
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: RealtimeError) => void;
}

/**
 * Publishes to topics without history what has an idempotency key. Whether the key is known only Redis can say, so the members of
 * this node get it when that has answered, or by the channel. It has numbers of its own, under a name of its own: what the node
 * publishes without keys must not wait for it.
 */
export class KeyedPublisher {
  readonly #context: DataContext;
  readonly #name: string;
  readonly #numbers: SenderNumbers;
  readonly #subscriptions: Subscriptions;
  readonly #limits: QueueLimits;
  /** What was published while Redis was away. */
  readonly #local: LocalKeys;
  #waiting = new Map<string, Given[]>();
  readonly #underWay = new UnderWay();
  #isScheduled = false;
  /** What waits or is under way. */
  #bytes = 0;
  #isClosed = false;

  /** @param name By which the numbers are told apart from those without keys. */
  constructor(
    context: DataContext,
    parts: { readonly name: string; readonly numbers: SenderNumbers; readonly subscriptions: Subscriptions; readonly limits: QueueLimits },
  ) {
    this.#context = context;
    this.#name = parts.name;
    this.#numbers = parts.numbers;
    this.#subscriptions = parts.subscriptions;
    this.#limits = parts.limits;
    this.#local = new LocalKeys();
  }

  publish(topic: string, data: BrokerData, options: PublishOptions & { readonly key: string }): Promise<PublishResult> {
    if (this.#local.has(topic, options.key, this.#context.clock.now())) return Promise.resolve(localOnly({ repeated: true }));
    const bytes = queuedBytes(dataBytesOf(data));
    if (this.#bytes + bytes > this.#limits.upBytes) {
      this.#context.counts.rejected++;
      return Promise.reject(failed("publish", new Error(`it is slower than what is published, and ${this.#bytes} bytes wait for it`)));
    }
    return new Promise((resolve, reject) => {
      this.#underWay.begin(1);
      this.#bytes += bytes;
      const given = { data, bytes, options, resolve, reject };
      const waiting = this.#waiting.get(topic);
      if (waiting === undefined) this.#waiting.set(topic, [given]);
      else waiting.push(given);
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  /** Redis is there again: it learns the keys of what was published on this node alone. */
  async tellKeys(): Promise<void> {
    const { driver, names, clock } = this.#context;
    const keys = this.#local.entries(clock.now());
    if (keys.length === 0) return;
    await driver.many(
      keys.map(({ topic, key, leftMs }) => ({ args: ["SET", names.key(topic, key), "-", "NX", "PX", Math.ceil(leftMs)], key: names.key(topic, key) })),
    );
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
    const now = this.#context.clock.now();
    const isAway = this.#isClosed || this.#context.driver.state() === "down";
    const calls: RedisScriptCall[] = [];
    const batches: { readonly topic: string; readonly batch: readonly Keyed[] }[] = [];
    for (const [topic, given] of waiting) {
      const all = given.map((one) => this.#numbered(topic, one, now));
      for (let from = 0; from < all.length; from += this.#limits.batchMessages) {
        const batch = all.slice(from, from + this.#limits.batchMessages);
        if (isAway) batch.forEach((keyed) => this.#alone(topic, keyed));
        else {
          batches.push({ topic, batch });
          calls.push(this.#call(topic, batch));
        }
      }
    }
    if (calls.length > 0) void this.#send(batches, calls);
  }

  #numbered(topic: string, { data, bytes, options, ...given }: Given, now: number): Keyed {
    const { key, keyMs = DEFAULT_KEY_MS, keyOwner = "", origin } = options;
    const { first, earlierMs } = this.#numbers.take(topic, 1, now);
    const envelope: PublicationsEnvelope = { kind: "publications", node: this.#name, first, earlierMs, position: undefined, items: [{ data, origin }] };
    const resolve = (result: PublishResult): void => {
      this.#bytes -= bytes;
      this.#underWay.end(1);
      given.resolve(result);
    };
    const reject = (error: RealtimeError): void => {
      this.#bytes -= bytes;
      this.#underWay.end(1);
      given.reject(error);
    };
    return { key, keyMs: Math.max(1, Math.ceil(keyMs)), keyOwner, envelope, resolve, reject };
  }

  #call(topic: string, batch: readonly Keyed[]): RedisScriptCall {
    const { names, driver } = this.#context;
    const channel = names.channel(topic);
    const keys = batch.map(({ key }) => names.key(topic, key));
    const args: RedisArgument[] = [driver.sharded ? "SPUBLISH" : "PUBLISH", channel];
    for (const { keyMs, envelope } of batch) args.push(keyMs, encodeEnvelope(envelope), encodeEnvelope({ ...envelope, items: [], skipped: 1 }));
    if (driver.sharded) keys.push(channel);
    return { script: keyedScript, keys: keys as [string, ...string[]], args };
  }

  async #send(batches: readonly { readonly topic: string; readonly batch: readonly Keyed[] }[], calls: readonly RedisScriptCall[]): Promise<void> {
    const replies = await this.#context.driver.many(calls);
    for (const [at, { topic, batch }] of batches.entries()) {
      const reply = resultsOf(replies[at], batch.length);
      if (!(reply instanceof Error)) this.#done(topic, batch, reply);
      else if (isUnknown(reply)) for (const keyed of batch) this.#reject(keyed, failed("publish", reply));
      else {
        if (reply instanceof RedisReplyError) this.#context.report(failed("publish without history, for this node only", reply));
        for (const keyed of batch) this.#alone(topic, keyed);
      }
    }
  }

  #done(topic: string, batch: readonly Keyed[], results: readonly number[]): void {
    let isHeard = false;
    for (const [at, { envelope, resolve }] of batch.entries()) {
      const receivers = results[at];
      const isRepeated = receivers === -1;
      // The channel may have brought it already; the numbers say so.
      this.#subscriptions.publications(this.#context.names.channel(topic), isRepeated ? { ...envelope, items: [], skipped: 1 } : envelope);
      const others = receivers !== undefined && !isRepeated ? this.#subscriptions.others(topic, receivers) : undefined;
      if (!isRepeated) this.#context.counts.published++;
      if (others !== 0) isHeard = true;
      resolve({ position: undefined, delivery: "cluster", repeated: isRepeated, others });
    }
    if (!isHeard) this.#numbers.rest(topic);
  }

  /** For the members of this node alone. */
  #alone(topic: string, keyed: Keyed): void {
    if (this.#isClosed) return this.#reject(keyed, failed("publish", new Error("this broker has been closed")));
    const now = this.#context.clock.now();
    // The same key can have come twice within the turn.
    if (this.#local.has(topic, keyed.key, now)) return keyed.resolve(localOnly({ repeated: true }));
    this.#local.add(topic, keyed.key, { owner: keyed.keyOwner, until: now + keyed.keyMs });
    this.#subscriptions.publications(this.#context.names.channel(topic), keyed.envelope);
    keyed.resolve(localOnly({ repeated: false }));
  }

  #reject({ reject }: Keyed, error: RealtimeError): void {
    this.#context.counts.rejected++;
    reject(error);
  }
}

/** What the script answers; for anything else an error, since it is not known whether it was done. */
function resultsOf(reply: LineAnswer | undefined, size: number): readonly number[] | Error {
  if (reply instanceof Error) return reply;
  const results = replyArray(reply).filter((result): result is number => typeof result === "number");
  return results.length === size ? results : odd(new Error(`${results.length} numbers for ${size} publications`));
}

function localOnly({ repeated }: { readonly repeated: boolean }): PublishResult {
  return { position: undefined, delivery: "local-only", repeated, others: undefined };
}
