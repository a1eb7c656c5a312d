import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import { areEqual, checkBounds, checkLength, checkWhole } from "./bounds.ts";
import type { Broker, BrokerData, BrokerPublication, BrokerSink, BrokerState, HistoryBounds, HistoryPage, PublishOptions, PublishResult } from "./broker.ts";
import { newEpoch } from "./epoch.ts";
import { RealtimeError, type Position } from "@upwire/protocol";
import { dueAt, IdleTopics } from "./idle-topics.ts";
import { KnownKeys } from "./known-keys.ts";
import { realClock } from "./real-clock.ts";
import { decodeSaved, encodeSaved, type SavedTopic } from "./saved.ts";
import { TopicHistory } from "./topic-history.ts";

export interface MemoryBrokerOptions {
  /** Replaces time in tests. @default real time */
  readonly clock?: Clock;
  /**
   * What all histories take together, at most, counted with about 100 bytes for each publication and 600 for each topic. Over it the
   * topic that was active least recently gives up its oldest publications; once it has none it is forgotten, unless it is
   * subscribed. Bytes. @default 67108864 (64 MiB)
   */
  readonly maxBytes?: number;
  /** Keys of publishes that are remembered at the same time, at most; of too many the oldest of a `keyOwner` who has the most is forgotten. @default 100000 */
  readonly maxKeys?: number;
  /** What `save` of another one returned: this one goes on from there. The time in between does not count. */
  readonly restore?: Uint8Array;
}

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_KEYS = 100_000;
/** Characters. */
const MAX_KEY_LENGTH = 512;
const MAX_ORIGIN_LENGTH = 64;
/** How long a key is remembered unless the publish says it. Milliseconds. */
const KEY_MS = 120_000;

/**
 * The broker of one process: everything stays in its memory. Nothing comes late, twice, out of order, or not at all:
 * `sink.message` is called inside `publish`. A `publish` inside `sink.message` is told once that has returned.
 * @throws TypeError for bytes in `restore` that `save` did not make; RangeError for bounds that cannot be meant.
 */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker {
  return new MemoryBroker(options);
}

class MemoryBroker implements Broker {
  readonly capabilities = Object.freeze({ history: "memory", reach: "process" } as const);
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #topics = new Map<string, TopicHistory>();
  readonly #idle = new IdleTopics();
  /** Subscribed topics without history. */
  readonly #plain = new Set<string>();
  readonly #keys: KnownKeys;
  readonly #untold: (readonly [topic: string, publication: BrokerPublication])[] = [];
  #isTelling = false;
  #heldBytes = 0;
  #sink: BrokerSink | undefined;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #isFrozen = false;
  #isClosed = false;

  constructor({ clock = realClock, maxBytes = MAX_BYTES, maxKeys = MAX_KEYS, restore }: MemoryBrokerOptions) {
    checkWhole("maxBytes", maxBytes);
    checkWhole("maxKeys", maxKeys);
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#keys = new KnownKeys(maxKeys);
    if (restore !== undefined) this.#restore(restore);
  }

  start(sink: BrokerSink): void {
    if (this.#sink !== undefined) throw new Error("start: this broker has been started already; make one for each node");
    this.#sink = sink;
  }

  async publish(topic: string, data: BrokerData, { history, key, keyMs = KEY_MS, keyOwner = "", origin }: PublishOptions = {}): Promise<PublishResult> {
    this.#mustWork();
    if (this.#isFrozen) throw unavailable("publish: this broker has been saved, and another one goes on from there");
    checkLength("key", key, MAX_KEY_LENGTH);
    checkLength("keyOwner", keyOwner, MAX_KEY_LENGTH);
    checkLength("origin", origin, MAX_ORIGIN_LENGTH);
    const now = this.#clock.now();
    if (key !== undefined) {
      const known = this.#keys.find(topic, key, now);
      if (known !== undefined) return { ...known, repeated: true };
    }
    const position = history === undefined ? undefined : this.#keep(topic, data, history, now);
    const result: PublishResult = { position, delivery: "cluster", repeated: false };
    if (key !== undefined) this.#keys.add(topic, key, { result, owner: keyOwner, until: now + keyMs }, now);
    if (this.#plain.has(topic) || this.#topics.get(topic)?.isSubscribed === true) this.#tell(topic, { data, position, origin });
    return result;
  }

  async subscribe(topic: string, { history }: { readonly history?: HistoryBounds } = {}): Promise<Position | undefined> {
    this.#mustWork();
    if (history === undefined) {
      this.#plain.add(topic);
      return undefined;
    }
    const kept = this.#topic(topic, history, this.#clock.now());
    kept.isSubscribed = true;
    if (kept.size === 0) this.#idle.delete(kept);
    return { epoch: kept.epoch, offset: kept.top };
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#mustWork();
    this.#plain.delete(topic);
    const kept = this.#topics.get(topic);
    if (kept === undefined || !kept.isSubscribed) return;
    kept.isSubscribed = false;
    this.#touch(kept, this.#clock.now());
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    this.#mustWork();
    checkWhole("after", after);
    if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`history: limit ${limit} is not allowed; give a whole number from 1 on`);
    const now = this.#clock.now();
    const kept = this.#topics.get(topic);
    if (kept === undefined || this.#isOver(kept, now)) return { epoch: "", top: 0, first: 1, publications: [] };
    this.#change(kept, () => kept.trim(now));
    return kept.page(after, limit);
  }

  state(): BrokerState {
    return this.#isClosed ? "down" : "up";
  }

  async save(): Promise<Uint8Array> {
    this.#mustWork();
    this.#isFrozen = true;
    const now = this.#clock.now();
    const topics: SavedTopic[] = [];
    for (const kept of this.#topics.values()) {
      if (this.#isOver(kept, now)) continue;
      kept.trim(now);
      const entries = [...kept.entries()].map(({ data, at }) => [data, now - at] as const);
      const { topic, epoch, top, bounds, activeAt, isSubscribed } = kept;
      topics.push({ topic, epoch, top, bounds, idleMs: isSubscribed ? 0 : now - activeAt, entries });
    }
    const keys = [...this.#keys.entries(now)].map(([name, { position }, leftMs, owner]) => ({ name, position, leftMs, owner }));
    return encodeSaved({ topics, keys });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#topics.clear();
    this.#idle.clear();
    this.#plain.clear();
    this.#keys.clear();
    this.#heldBytes = 0;
  }

  /** Puts a publication into the history of its topic. */
  #keep(topic: string, data: BrokerData, bounds: HistoryBounds, now: number): Position {
    const kept = this.#topic(topic, bounds, now);
    this.#change(kept, () => kept.push(data, now));
    this.#touch(kept, now);
    const position = { epoch: kept.epoch, offset: kept.top };
    this.#makeRoom();
    return position;
  }

  /** The history of `topic`, which begins here if there is none. */
  #topic(topic: string, bounds: HistoryBounds, now: number): TopicHistory {
    const known = this.#topics.get(topic);
    if (known !== undefined && !this.#isOver(known, now)) {
      if (!areEqual(known.bounds, bounds)) this.#setBounds(known, bounds, now);
      return known;
    }
    checkBounds(bounds);
    if (known !== undefined) this.#forget(known);
    const begun = new TopicHistory(topic, newEpoch(), 0, bounds, now);
    this.#take(begun, now);
    this.#makeRoom();
    return begun;
  }

  #take(kept: TopicHistory, activeAt: number): void {
    this.#topics.set(kept.topic, kept);
    this.#heldBytes += kept.heldBytes;
    this.#touch(kept, activeAt);
  }

  #setBounds(kept: TopicHistory, bounds: HistoryBounds, now: number): void {
    checkBounds(bounds);
    const isIdle = this.#idle.has(kept);
    this.#idle.delete(kept);
    kept.bounds = bounds;
    if (isIdle) this.#touch(kept, kept.activeAt);
    this.#change(kept, () => kept.trim(now));
  }

  #change(kept: TopicHistory, change: () => void): void {
    this.#heldBytes -= kept.heldBytes;
    change();
    this.#heldBytes += kept.heldBytes;
  }

  #forget(kept: TopicHistory): void {
    this.#topics.delete(kept.topic);
    this.#idle.delete(kept);
    this.#heldBytes -= kept.heldBytes;
  }

  /** Nothing of it is within its age bound, and it has no member. */
  #isOver(kept: TopicHistory, now: number): boolean {
    return !kept.isSubscribed && dueAt(kept) <= now;
  }

  #makeRoom(): void {
    while (this.#heldBytes > this.#maxBytes) {
      const oldest = this.#idle.oldest();
      if (oldest === undefined) return;
      if (oldest.size > 0) this.#change(oldest, () => oldest.shift());
      else if (oldest.isSubscribed) this.#idle.delete(oldest);
      else this.#forget(oldest);
    }
  }

  /** It was active at `at`, and can give something up. */
  #touch(kept: TopicHistory, at: number): void {
    kept.activeAt = at;
    this.#idle.add(kept);
    this.#sweepAt(dueAt(kept));
  }

  #sweepAt(at: number): void {
    if (at >= this.#timerAt || this.#isClosed) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#sweep());
  }

  /** Frees what the age bounds have passed. */
  #sweep(): void {
    this.#timerAt = Infinity;
    const now = this.#clock.now();
    for (;;) {
      const due = this.#idle.nextDue();
      if (due === undefined) return;
      if (dueAt(due) > now) return this.#sweepAt(dueAt(due));
      if (!due.isSubscribed) this.#forget(due);
      else {
        this.#change(due, () => due.trim(now));
        this.#idle.delete(due);
      }
    }
  }

  #tell(topic: string, publication: BrokerPublication): void {
    this.#untold.push([topic, publication]);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) this.#sink?.message(...next);
    } finally {
      this.#isTelling = false;
    }
  }

  #restore(bytes: Uint8Array): void {
    const now = this.#clock.now();
    const { topics, keys } = decodeSaved(bytes);
    for (const { topic, epoch, top, bounds, idleMs, entries } of topics.toSorted((a, b) => b.idleMs - a.idleMs)) {
      const kept = new TopicHistory(topic, epoch, top, bounds, now);
      for (const [data, ageMs] of entries) kept.restore(data, now - ageMs);
      this.#take(kept, now - idleMs);
    }
    for (const { name, position, leftMs, owner = "" } of keys) {
      this.#keys.restore(name, { result: { position, delivery: "cluster", repeated: false }, owner, until: now + leftMs });
    }
    this.#makeRoom();
  }

  #mustWork(): void {
    if (this.#isClosed) throw unavailable("this broker has been closed");
    if (this.#sink === undefined) throw new Error("this broker has not been started; call start(sink) first");
  }
}

function unavailable(message: string): RealtimeError {
  return new RealtimeError("unavailable", message, { retryable: true });
}
