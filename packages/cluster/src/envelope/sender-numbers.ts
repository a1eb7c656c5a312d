import type { SenderTop } from "./envelope.ts";

/** How long a number is remembered after its publication, unless the options say it. Milliseconds. */
const REMEMBER_MS = 600_000;
const MAX_TOPICS = 100_000;
/** When a heartbeat repeats the newest number of a topic, counted from its publication. Milliseconds. */
const BEATS_MS = [900, 2700] as const;
/** A topic that is published to again moves behind the others at most so often. Milliseconds. */
const MOVE_MS = 1000;

/** How long, and of how many topics, numbers are remembered. */
export interface SenderNumbersOptions {
  /** How long the newest number of a topic is remembered: what a receiver may ask for that was away. Milliseconds. @default 600000 */
  readonly rememberMs?: number;
  /** Topics that are remembered at the same time; of too many the one published to longest ago is forgotten. @default 100000 */
  readonly maxTopics?: number;
}

/** Numbers for the next publications of a topic. */
export interface Taken {
  /** The number of the first of them; the others count on. */
  readonly first: number;
  /** How long ago the number before `first` was published. Milliseconds. `undefined`: there is none that could be missing. */
  readonly earlierMs: number | undefined;
}

interface Sent {
  readonly topic: string;
  number: number;
  /** When `number` was published. */
  at: number;
  /** When it was put at the end of the line. */
  movedAt: number;
  /** How many heartbeats have repeated `number`. */
  beats: number;
  /** When the next one is due. */
  beatAt: number;
}

/**
 * The sender's half of seeing losses on topics without history. A node numbers what it publishes to each topic from 1 on, and
 * repeats the newest number in two heartbeats after the last publication, so that `SenderTops` of a receiver sees what is missing,
 * the last publication too. A receiver that was cut off asks for a repetition; thus the numbers are remembered for minutes.
 *
 * Each call gets the time, milliseconds of a clock that does not go back.
 */
export class SenderNumbers {
  readonly #rememberMs: number;
  readonly #maxTopics: number;
  /** The one published to longest ago first, to about a second. */
  readonly #sent = new Map<string, Sent>();
  /** Topics whose number a heartbeat has still to repeat. */
  readonly #waiting = new Set<Sent>();
  /** No topic that was forgotten had a higher number: one that comes back goes on above it, so that no number is given twice. */
  #floor = 0;

  constructor({ rememberMs = REMEMBER_MS, maxTopics = MAX_TOPICS }: SenderNumbersOptions = {}) {
    this.#rememberMs = rememberMs;
    this.#maxTopics = maxTopics;
  }

  /** How many topics it remembers. */
  get size(): number {
    return this.#sent.size;
  }

  /** Takes `count` numbers for what is published to `topic` now. */
  take(topic: string, count: number, now: number): Taken {
    const known = this.#sent.get(topic);
    if (known === undefined) return this.#begin(topic, count, now);
    const taken = { first: known.number + 1, earlierMs: now - known.at };
    known.number += count;
    known.at = now;
    this.#awaitBeat(known, 0);
    if (now - known.movedAt >= MOVE_MS) this.#move(known, now);
    return taken;
  }

  /** What the heartbeat has to repeat now. Each stays due until `told` says that it has gone out. */
  due(now: number): readonly SenderTop[] {
    const due: SenderTop[] = [];
    for (const sent of this.#waiting) if (sent.beatAt <= now) due.push(asTop(sent, now));
    return due;
  }

  /** A heartbeat with this top has gone out. */
  told({ topic, number }: Pick<SenderTop, "topic" | "number">): void {
    const sent = this.#sent.get(topic);
    // Published to again meanwhile: then a heartbeat with the new number is to come.
    if (sent === undefined || sent.number !== number) return;
    const next = BEATS_MS[sent.beats + 1];
    if (next === undefined) this.#waiting.delete(sent);
    else this.#awaitBeat(sent, sent.beats + 1);
  }

  /** No other node listens to `topic`, which the engine has just said: no heartbeat needs to repeat its number. */
  rest(topic: string): void {
    const sent = this.#sent.get(topic);
    if (sent !== undefined) this.#waiting.delete(sent);
  }

  /**
   * The next heartbeat repeats every topic that was published to within the last `ms` milliseconds: a receiver was cut off for so
   * long, or this node was.
   */
  repeat(ms: number, now: number): void {
    for (const sent of [...this.#sent.values()].toReversed()) {
      if (now - sent.movedAt > ms + MOVE_MS) return;
      if (now - sent.at > ms) continue;
      sent.beats = BEATS_MS.length - 1;
      sent.beatAt = now;
      this.#waiting.add(sent);
    }
  }

  /** The newest number of `topic`, for a receiver that begins to listen. */
  top(topic: string, now: number): SenderTop | undefined {
    const sent = this.#sent.get(topic);
    return sent === undefined ? undefined : asTop(sent, now);
  }

  /** Forgets what was published too long ago. Once a minute is enough. */
  sweep(now: number): void {
    for (const sent of this.#sent.values()) {
      if (now - sent.movedAt <= this.#rememberMs) return;
      if (now - sent.at > this.#rememberMs) this.#forget(sent);
    }
  }

  #begin(topic: string, count: number, now: number): Taken {
    const sent: Sent = { topic, number: this.#floor + count, at: now, movedAt: now, beats: 0, beatAt: 0 };
    this.#sent.set(topic, sent);
    this.#awaitBeat(sent, 0);
    if (this.#sent.size > this.#maxTopics) {
      for (const oldest of this.#sent.values()) {
        this.#forget(oldest);
        break;
      }
    }
    return { first: sent.number - count + 1, earlierMs: undefined };
  }

  #awaitBeat(sent: Sent, beats: number): void {
    sent.beats = beats;
    sent.beatAt = sent.at + (BEATS_MS[beats] ?? 0);
    this.#waiting.add(sent);
  }

  #move(sent: Sent, now: number): void {
    sent.movedAt = now;
    this.#sent.delete(sent.topic);
    this.#sent.set(sent.topic, sent);
  }

  #forget(sent: Sent): void {
    this.#floor = Math.max(this.#floor, sent.number);
    this.#sent.delete(sent.topic);
    this.#waiting.delete(sent);
  }
}

function asTop({ topic, number, at }: Sent, now: number): SenderTop {
  return { topic, number, ageMs: now - at };
}
