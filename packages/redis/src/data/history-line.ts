import type { BrokerData, HistoryBounds, PublishResult } from "@upwire/cluster/broker";
import type { RealtimeError } from "@upwire/protocol";
import type { BatchItem } from "./calls.ts";
import type { Seen } from "./seen.ts";

/** What a publication takes in the queue beside its data, about. Bytes. */
const ITEM_BYTES = 100;

/** A publication with history that is on its way. */
export interface Kept extends BatchItem {
  /** What it takes in the queue. */
  readonly bytes: number;
  /** When it was given to the broker. */
  readonly at: number;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: RealtimeError) => void;
}

/** How many bytes it is; text as UTF-8. */
export function dataBytesOf(data: BrokerData): number {
  return typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
}

export function queuedBytes(size: number): number {
  return size + ITEM_BYTES;
}

/**
 * What this node publishes to one topic with history, in order: one batch is under way, and later publications wait for it. A batch that
 * must be tried again stands in front again, so that no try changes the order.
 */
export class HistoryLine {
  readonly topic: string;
  readonly seen: Seen;
  bounds: HistoryBounds;
  isUnderWay = false;
  /** It is not tried before. */
  pauseUntil: number = -Infinity;
  #waiting: Kept[] = [];

  constructor(topic: string, seen: Seen, bounds: HistoryBounds) {
    this.topic = topic;
    this.seen = seen;
    this.bounds = bounds;
  }

  get size(): number {
    return this.#waiting.length;
  }

  push(kept: Kept): void {
    this.#waiting.push(kept);
  }

  /** Takes the next batch: never more than `maxItems`, and more than `maxBytes` only when it is one alone. */
  take(maxItems: number, maxBytes: number): Kept[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < maxItems) {
      bytes += this.#waiting[count]?.bytes ?? 0;
      if (bytes > maxBytes && count > 0) break;
      count++;
    }
    if (count === this.#waiting.length) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    return this.#waiting.splice(0, count);
  }

  /** Puts a batch that was not done in front again. */
  putBack(batch: readonly Kept[]): void {
    this.#waiting = [...batch, ...this.#waiting];
  }

  /** Takes out what has waited since before `at`. */
  takeOlder(at: number): readonly Kept[] {
    let count = 0;
    while (count < this.#waiting.length && (this.#waiting[count]?.at ?? Infinity) <= at) count++;
    return count === 0 ? [] : this.#waiting.splice(0, count);
  }
}
