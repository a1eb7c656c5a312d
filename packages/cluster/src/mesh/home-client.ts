import type { Clock } from "@upwire/core";
import type { Position } from "@upwire/protocol";
import type { BrokerData, BrokerPublication, HistoryBounds, HistoryPage, PublishOptions } from "../broker/broker.ts";
import { byteLength } from "../broker/byte-length.ts";
import { unavailable } from "../broker/errors.ts";
import type { BatchReader } from "./batch-reader.ts";
import { messages } from "./frames.ts";
import type { Home } from "./home.ts";
import type { Link } from "./link.ts";
import { readItem, readPage, readPublished, writeBounds, writePublish, type Published, type PublishRequest } from "./messages.ts";

/** What has no answer after so long is rejected. Milliseconds. */
const PATIENCE_MS = 10_000;
/** Publishes without an answer, at most. */
const MAX_PENDING = 50_000;

/** What a publish takes on the way beside its data, topic and key, about. Bytes. */
const PUBLISH_BYTES = 64;

interface Pending extends PublishRequest {
  readonly bytes: number;
  readonly at: number;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: Error) => void;
}

interface Subscription {
  readonly number: number;
  bounds: HistoryBounds;
  waiting: { readonly resolve: (position: Position) => void; readonly reject: (error: Error) => void }[];
}

interface Reading {
  readonly topic: string;
  readonly after: number;
  readonly limit: number;
  readonly at: number;
  readonly resolve: (page: HistoryPage) => void;
  readonly reject: (error: Error) => void;
}

export interface HomeClientOptions {
  readonly clock: Clock;
  readonly self: string;
  readonly maxPendingBytes: number;
  /** The home, when this node is it and may serve. */
  readonly own: () => Home | undefined;
  /** The way to the home, when another node is it. */
  readonly link: () => Link | undefined;
  readonly message: (topic: string, publication: BrokerPublication) => void;
  readonly top: (topic: string, position: Position) => void;
}

/** This node's side towards the home, its own too: what it has asked and not been answered is asked again when that may be lost. */
export class HomeClient {
  readonly #options: HomeClientOptions;
  /** In the order of their numbers. */
  readonly #pending = new Map<number, Pending>();
  #pendingBytes = 0;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #topics = new Map<number, string>();
  readonly #readings = new Map<number, Reading>();
  #lastPublish = 0;
  /** No publish with a lower number waits. */
  #unanswered = 1;
  #lastTopic = 0;
  #lastReading = 0;

  constructor(options: HomeClientOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  has(topic: string): boolean {
    return this.#subscriptions.has(topic);
  }

  publish(topic: string, data: BrokerData, { history, key, keyMs, keyOwner, origin }: PublishOptions): Promise<Published> {
    const bytes = byteLength(data) + topic.length + (key?.length ?? 0) + (keyOwner?.length ?? 0) + PUBLISH_BYTES;
    if (this.#pending.size >= MAX_PENDING || (this.#pendingBytes + bytes > this.#options.maxPendingBytes && this.#pending.size > 0)) {
      return Promise.reject(unavailable(`publish: ${this.#pending.size} publishes wait for the node with the histories; more may not wait`));
    }
    return new Promise((resolve, reject) => {
      const number = ++this.#lastPublish;
      const pending: Pending = { number, topic, data, history, key, keyMs, keyOwner, origin, bytes, at: this.#options.clock.now(), resolve, reject };
      this.#pending.set(number, pending);
      this.#pendingBytes += bytes;
      this.#sendPublish(pending);
    });
  }

  subscribe(topic: string, bounds: HistoryBounds): Promise<Position> {
    return new Promise((resolve, reject) => {
      let subscription = this.#subscriptions.get(topic);
      if (subscription === undefined) {
        subscription = { number: ++this.#lastTopic, bounds, waiting: [] };
        this.#subscriptions.set(topic, subscription);
        this.#topics.set(subscription.number, topic);
      }
      subscription.bounds = bounds;
      subscription.waiting.push({ resolve, reject });
      this.#sendSubscription(topic, subscription);
    });
  }

  unsubscribe(topic: string): void {
    const subscription = this.#subscriptions.get(topic);
    if (subscription === undefined) return;
    this.#subscriptions.delete(topic);
    this.#topics.delete(subscription.number);
    for (const { reject } of subscription.waiting) reject(unavailable("subscribe: it has been ended before the answer"));
    this.#options.own()?.unsubscribe(this.#options.self, subscription.number);
    const link = this.#options.link();
    link?.writer()?.begin(messages.unsubscribe).number(subscription.number).end();
    link?.wrote();
  }

  history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    const own = this.#options.own();
    if (own !== undefined) return Promise.resolve(own.page(topic, after, limit));
    return new Promise((resolve, reject) => {
      const number = ++this.#lastReading;
      const reading = { topic, after, limit, at: this.#options.clock.now(), resolve, reject };
      this.#readings.set(number, reading);
      this.#sendReading(number, reading);
    });
  }

  /** Asks everything again that has no answer, in the same order. */
  askAgain(): void {
    const link = this.#options.link();
    link?.writer()?.begin(messages.again).number(this.#subscriptions.size).end();
    link?.wrote();
    for (const [topic, subscription] of this.#subscriptions) this.#sendSubscription(topic, subscription);
    for (const pending of this.#pending.values()) this.#sendPublish(pending);
    for (const [number, reading] of this.#readings) this.#sendReading(number, reading);
  }

  /** The home has died with what it may have done of this. */
  rejectPublishes(): void {
    for (const number of this.#pending.keys()) this.#reject(number, "the node with the histories has ended; it may have taken effect");
  }

  tick(): void {
    const before = this.#options.clock.now() - PATIENCE_MS;
    for (const [number, { at }] of this.#pending) {
      if (at > before) break;
      this.#reject(number, `no answer within ${PATIENCE_MS} ms; it may have taken effect`);
    }
    for (const [number, { at, reject }] of this.#readings) {
      if (at > before) break;
      this.#readings.delete(number);
      reject(unavailable(`history: no answer within ${PATIENCE_MS} ms`));
    }
  }

  answered(number: number, published: Published | undefined): void {
    const pending = this.#take(number);
    if (published === undefined) pending?.reject(unavailable("publish: the node with the histories could not"));
    else pending?.resolve(published);
  }

  /** A publication of the home. */
  entry(topic: string, publication: BrokerPublication): void {
    if (this.#subscriptions.has(topic)) this.#options.message(topic, publication);
  }

  /** @returns whether this was a message of the home. */
  message(kind: number, reader: BatchReader): boolean {
    if (kind === messages.entry) {
      const topic = this.#topics.get(reader.number());
      if (topic === undefined) return true;
      const position = { epoch: reader.text(), offset: reader.number() };
      const { data, origin } = readItem(reader);
      this.#options.message(topic, { data, position, origin });
    } else if (kind === messages.published) {
      const { number, published } = readPublished(reader);
      this.answered(number, published);
    } else if (kind === messages.subscribed) this.#subscribed(reader.number(), { epoch: reader.text(), offset: reader.number() });
    else if (kind === messages.page) {
      const { number, ...page } = readPage(reader);
      const reading = this.#readings.get(number);
      this.#readings.delete(number);
      reading?.resolve(page);
    } else return false;
    return true;
  }

  close(): void {
    for (const number of this.#pending.keys()) this.#reject(number, "this broker has been closed; it may have taken effect");
    for (const { reject } of this.#readings.values()) reject(unavailable("history: this broker has been closed"));
    this.#readings.clear();
    for (const topic of this.#subscriptions.keys()) this.unsubscribe(topic);
  }

  #sendPublish(pending: Pending): void {
    const own = this.#options.own();
    const unanswered = this.#firstPending();
    if (own !== undefined) return own.publish(this.#options.self, pending, unanswered);
    const link = this.#options.link();
    const writer = link?.writer();
    if (writer === undefined) return;
    writePublish(writer, pending, unanswered);
    link?.wrote();
  }

  #sendSubscription(topic: string, { number, bounds }: Subscription): void {
    const own = this.#options.own();
    if (own !== undefined) return this.#subscribed(number, own.subscribe(this.#options.self, number, topic, bounds));
    const link = this.#options.link();
    const writer = link?.writer();
    if (writer === undefined) return;
    writer.begin(messages.subscribe).number(number).text(topic);
    writeBounds(writer, bounds);
    writer.end();
    link?.wrote();
  }

  #sendReading(number: number, { topic, after, limit, resolve }: Reading): void {
    const own = this.#options.own();
    if (own !== undefined) {
      this.#readings.delete(number);
      return resolve(own.page(topic, after, limit));
    }
    const link = this.#options.link();
    link?.writer()?.begin(messages.history).number(number).text(topic).number(after).number(limit).end();
    link?.wrote();
  }

  #subscribed(number: number, position: Position): void {
    const topic = this.#topics.get(number);
    const subscription = topic === undefined ? undefined : this.#subscriptions.get(topic);
    if (topic === undefined || subscription === undefined) return;
    const { waiting } = subscription;
    subscription.waiting = [];
    for (const { resolve } of waiting) resolve(position);
    // The home has changed, or something on the way from it was lost.
    if (waiting.length === 0) this.#options.top(topic, position);
  }

  #firstPending(): number {
    // A step for each number, ever: the first key of a map costs a look at all that were deleted before it.
    while (this.#unanswered <= this.#lastPublish && !this.#pending.has(this.#unanswered)) this.#unanswered++;
    return this.#unanswered;
  }

  #reject(number: number, why: string): void {
    this.#take(number)?.reject(unavailable(`publish: ${why}`));
  }

  #take(number: number): Pending | undefined {
    const pending = this.#pending.get(number);
    if (pending === undefined) return undefined;
    this.#pending.delete(number);
    this.#pendingBytes -= pending.bytes;
    return pending;
  }
}
