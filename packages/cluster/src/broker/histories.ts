import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { Position } from "@upwire/protocol";
import type { BrokerData, HistoryBounds, HistoryPage, PublishOptions } from "./broker.ts";
import { checkBounds, checkWhole } from "./checks.ts";
import { Epochs } from "./epoch.ts";
import { dueAt, IdleTopics } from "./idle-topics.ts";
import { DEFAULT_KEY_MS, KnownKeys, type Placed } from "./known-keys.ts";
import { decodeSaved, encodeSaved, type SavedTopic } from "./saved.ts";
import { TopicHistory } from "./topic-history.ts";

export interface HistoriesOptions {
  readonly clock: Clock;
  /** What all histories take together, at most. Bytes. @default 67108864 (64 MiB) */
  readonly maxBytes?: number | undefined;
  /** Keys that are remembered at the same time, at most. @default 100000 */
  readonly maxKeys?: number | undefined;
  /** What `save` of another one returned. */
  readonly restore?: Uint8Array | undefined;
}

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_KEYS = 100_000;

/** What a publish has come to. */
export interface Applied extends Placed {
  /** The key was known. */
  readonly isRepeated: boolean;
}

/** The newest publications of all topics, and the keys of what was published lately, in the memory of this process. */
export class Histories {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #topics = new Map<string, TopicHistory>();
  readonly #idle = new IdleTopics();
  readonly #keys: KnownKeys;
  readonly #epochs: Epochs = new Epochs();
  #heldBytes = 0;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #isClosed = false;

  /** @throws TypeError for bytes in `restore` that `save` did not make; RangeError for bounds that cannot be meant. */
  constructor({ clock, maxBytes = MAX_BYTES, maxKeys = MAX_KEYS, restore }: HistoriesOptions) {
    checkWhole("maxBytes", maxBytes);
    checkWhole("maxKeys", maxKeys);
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#keys = new KnownKeys(maxKeys);
    if (restore !== undefined) this.#restore(restore);
  }

  /** Puts a publication into the history of its topic, unless its key is known. Without history only the key is remembered. */
  publish(topic: string, data: BrokerData, { history, key, keyMs = DEFAULT_KEY_MS, keyOwner = "" }: PublishOptions): Applied {
    const now = this.#clock.now();
    const known = key === undefined ? undefined : this.#keys.find(topic, key, now);
    if (known !== undefined) return { position: known.position, isRepeated: true };
    const position = history === undefined ? undefined : this.#keep(topic, data, history, now);
    if (key !== undefined) this.#keys.add(topic, key, { position, owner: keyOwner, until: now + keyMs }, now);
    return { position, isRepeated: false };
  }

  /** Keeps the history of `topic`, which begins here if there is none, until `unsubscribe`. */
  subscribe(topic: string, bounds: HistoryBounds): Position {
    const kept = this.#topic(topic, bounds, this.#clock.now());
    kept.isSubscribed = true;
    if (kept.size === 0) this.#idle.delete(kept);
    return { epoch: kept.epoch, offset: kept.top };
  }

  unsubscribe(topic: string): void {
    const kept = this.#topics.get(topic);
    if (kept === undefined || !kept.isSubscribed) return;
    kept.isSubscribed = false;
    this.#touch(kept, this.#clock.now());
  }

  page(topic: string, after: number, limit: number): HistoryPage {
    const now = this.#clock.now();
    const kept = this.#topics.get(topic);
    if (kept === undefined || this.#isOver(kept, now)) return { epoch: "", top: 0, first: 1, publications: [] };
    this.#change(kept, () => kept.trim(now));
    return kept.page(after, limit);
  }

  /** All that another one needs to go on from here. */
  save(): Uint8Array {
    const now = this.#clock.now();
    const topics: SavedTopic[] = [];
    for (const kept of this.#topics.values()) {
      if (this.#isOver(kept, now)) continue;
      kept.trim(now);
      const entries = [...kept.entries()].map(({ data, at }) => [data, now - at] as const);
      const { topic, epoch, top, bounds, activeAt, isSubscribed } = kept;
      topics.push({ topic, epoch, top, bounds, idleMs: isSubscribed ? 0 : now - activeAt, entries });
    }
    const keys = [...this.#keys.entries(now)].map(([name, { position, owner, until }]) => ({ name, position, leftMs: until - now, owner }));
    return encodeSaved({ topics, keys });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#topics.clear();
    this.#idle.clear();
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
      if (!areSame(known.bounds, bounds)) this.#setBounds(known, bounds, now);
      return known;
    }
    checkBounds(bounds);
    if (known !== undefined) this.#forget(known);
    const begun = new TopicHistory(topic, this.#epochs.next(), 0, bounds, now);
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

  #restore(bytes: Uint8Array): void {
    const now = this.#clock.now();
    const { topics, keys } = decodeSaved(bytes);
    for (const { topic, epoch, top, bounds, idleMs, entries } of topics.toSorted((a, b) => b.idleMs - a.idleMs)) {
      const kept = new TopicHistory(topic, epoch, top, bounds, now);
      for (const [data, ageMs] of entries) kept.restore(data, now - ageMs);
      this.#take(kept, now - idleMs);
    }
    for (const { name, position, leftMs, owner = "" } of keys) this.#keys.restore(name, { position, owner, until: now + leftMs });
    this.#makeRoom();
  }
}

function areSame(one: HistoryBounds, other: HistoryBounds): boolean {
  return one === other || (one.messages === other.messages && one.bytes === other.bytes && one.ageMs === other.ageMs);
}
