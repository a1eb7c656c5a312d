import { BatchReader } from "./batch-reader.ts";
import { FRAME_HEAD } from "./batch-writer.ts";
import { messages } from "./frames.ts";
import type { Confirmation } from "./wires.ts";

interface Waiting {
  /** The batch that the peer must have. */
  readonly number: number;
  readonly done: (outcome: Confirmation) => void;
}

/**
 * The batches that were sent to one peer, numbered by counting: those that it has not acknowledged, so that they can be sent again, and
 * what waits for it to have them. Of what was dropped it knows which topics have lost something.
 */
export class SentBatches {
  /** Not acknowledged; their numbers end with `number`. */
  #frames: Buffer[] = [];
  #bytes = 0;
  #number = 0;
  #waiting: Waiting[] = [];
  /** Since the last drop: in which batch each topic was sent last; `Infinity` for what was not sent at all. */
  readonly #droppedIn = new Map<number, number>();

  /** The number of the last batch. */
  get number(): number {
    return this.#number;
  }

  /** The number of the last batch that the peer has. */
  get acknowledged(): number {
    return this.#number - this.#frames.length;
  }

  /** What is not acknowledged. */
  get frames(): readonly Buffer[] {
    return this.#frames;
  }

  /** What that takes. Bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  add(frame: Buffer): void {
    this.#number++;
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  /** The peer has all up to `number`. */
  acknowledge(number: number): void {
    const count = number - this.acknowledged;
    if (count <= 0) return;
    for (const frame of this.#frames.splice(0, count)) this.#bytes -= frame.length;
    if (this.#waiting.length === 0) return;
    const done = this.#waiting.filter((waiting) => waiting.number <= number);
    if (done.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting.number > number);
    for (const waiting of done) waiting.done({ isReached: true });
  }

  /** Calls `done` once the peer has the batch `number`, or that is dropped. */
  confirm(number: number, done: (outcome: Confirmation) => void): void {
    this.#waiting.push({ number, done });
  }

  /** Forgets all that is not acknowledged, but for which topics it had publications of. */
  drop(): void {
    const first = this.acknowledged + 1;
    for (const [at, frame] of this.#frames.entries()) {
      for (const topic of topicsIn(frame)) this.#droppedIn.set(topic, first + at);
    }
    this.#frames = [];
    this.#bytes = 0;
  }

  /** What has waited for a batch that was dropped is told so. */
  giveUp(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { done } of waiting) done({ isReached: false });
  }

  /** A publication of a topic was not sent at all. */
  lose(topic: number): void {
    this.#droppedIn.set(topic, Infinity);
  }

  forgetTopic(topic: number): void {
    this.#droppedIn.delete(topic);
  }

  /** The topics whose last publication was in a later batch than `received`, of what was dropped. */
  lostAfter(received: number): number[] {
    return [...this.#droppedIn].flatMap(([topic, number]) => (number > received ? [topic] : []));
  }

  /** The peer has been told of its losses. */
  forgetLosses(): void {
    this.#droppedIn.clear();
  }
}

/** The topics without history that a frame has publications of. */
function topicsIn(frame: Buffer): Set<number> {
  const topics = new Set<number>();
  const reader = new BatchReader(frame, FRAME_HEAD);
  for (let kind = reader.next(); kind !== undefined; kind = reader.next()) if (kind === messages.publication) topics.add(reader.number());
  return topics;
}
