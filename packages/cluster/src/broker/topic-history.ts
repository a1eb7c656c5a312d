import type { BrokerData, HistoryBounds, HistoryPage } from "./broker.ts";
import { byteLength } from "./byte-length.ts";

/** What a publication takes in memory beside its data, about. Bytes. */
const ENTRY_BYTES = 100;
/** What a topic takes in memory beside its publications and its name, about. Bytes. */
const TOPIC_BYTES = 600;
/** So many free places at the front are worth moving the rest. */
const MIN_MOVED = 64;

interface Entry {
  readonly data: BrokerData;
  readonly bytes: number;
  /** When it was published, by the broker's clock. */
  readonly at: number;
}

/**
 * The newest publications of one topic. They have offsets without a hole, so that each is found by its offset in one step: they
 * stand in an array whose front places fall free, and which is moved up once half of it is free.
 */
export class TopicHistory {
  readonly topic: string;
  readonly epoch: string;
  bounds: HistoryBounds;
  top: number;
  isSubscribed = false;
  /** When the last publication came, or the last member left. */
  activeAt: number;
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #dataBytes = 0;

  constructor(topic: string, epoch: string, top: number, bounds: HistoryBounds, activeAt: number) {
    this.topic = topic;
    this.epoch = epoch;
    this.top = top;
    this.bounds = bounds;
    this.activeAt = activeAt;
  }

  /** How many publications are kept. */
  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** The offset of the oldest one; `top + 1` when there is none. */
  get first(): number {
    return this.top + 1 - this.size;
  }

  /** What all this takes in memory, about. */
  get heldBytes(): number {
    return TOPIC_BYTES + 2 * this.topic.length + ENTRY_BYTES * this.size + this.#dataBytes;
  }

  /** Takes the next publication, and drops what is over the bounds. */
  push(data: BrokerData, at: number): void {
    this.top++;
    this.restore(data, at);
    this.trim(at);
  }

  /** Puts an entry behind the last one; `top` is counted elsewhere. */
  restore(data: BrokerData, at: number): void {
    const bytes = byteLength(data);
    this.#entries.push({ data, bytes, at });
    this.#dataBytes += bytes;
  }

  /** Drops what is over the bounds at the moment `now`. */
  trim(now: number): void {
    const { messages, bytes, ageMs } = this.bounds;
    while (this.size > 0) {
      const oldest = this.#at(this.first);
      if (this.size <= messages && this.#dataBytes <= bytes && now - oldest.at < ageMs) return;
      this.shift();
    }
  }

  /** Drops the oldest entry, if there is one. */
  shift(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return;
    this.#dataBytes -= entry.bytes;
    this.#entries[this.#head++] = undefined;
    if (this.#head < MIN_MOVED && this.size > 0) return;
    if (this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  page(after: number, limit: number): HistoryPage {
    const publications: HistoryPage["publications"][number][] = [];
    const from = Math.max(after + 1, this.first);
    const to = Math.min(this.top, from + limit - 1);
    for (let offset = from; offset <= to; offset++) publications.push({ offset, data: this.#at(offset).data });
    return { epoch: this.epoch, top: this.top, first: this.first, publications };
  }

  /** From the oldest to the newest. */
  *entries(): Generator<Entry> {
    for (let offset = this.first; offset <= this.top; offset++) yield this.#at(offset);
  }

  #at(offset: number): Entry {
    return this.#entries[this.#head + offset - this.first] as Entry;
  }
}
