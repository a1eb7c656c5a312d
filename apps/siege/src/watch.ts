import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Connection, Hub } from "@upwire/core";
import type { Overdue, Peaks } from "./server-api.ts";

const RSS_EVERY_MS = 10;
const QUEUES_EVERY_MS = 20;

/** The highest RSS and the longest delay of the event loop. */
export class PeakWatch {
  readonly #delays = monitorEventLoopDelay({ resolution: 1 });
  #rss = 0;
  #maxRssBefore = 0;
  #turns: TurnWatch | undefined;

  constructor() {
    this.#delays.enable();
    setInterval(() => this.#sample(), RSS_EVERY_MS).unref();
  }

  reset(): void {
    this.#delays.reset();
    this.#rss = 0;
    this.#maxRssBefore = maxRss();
    this.#sample();
  }

  watchTurns(): void {
    this.#turns = new TurnWatch();
  }

  read(): Peaks {
    this.#sample();
    const turnMs = this.#turns?.end() ?? 0;
    this.#turns = undefined;
    // A peak between two samples still shows in the high-water mark of the process, when it is a new one.
    const marked = maxRss();
    return { rss: marked > this.#maxRssBefore ? Math.max(marked, this.#rss) : this.#rss, loopDelayMs: this.#delays.max / 1e6, turnMs };
  }

  #sample(): void {
    this.#rss = Math.max(this.#rss, process.memoryUsage.rss());
  }
}

/** Looks at the processor time that the thread of the event loop takes for each turn. */
class TurnWatch {
  #usedMs = loopThreadMs();
  #longestMs = 0;
  #isOver = false;

  constructor() {
    setImmediate(this.#turn);
  }

  end(): number {
    this.#isOver = true;
    return this.#longestMs;
  }

  readonly #turn = (): void => {
    const usedMs = loopThreadMs();
    this.#longestMs = Math.max(this.#longestMs, usedMs - this.#usedMs);
    this.#usedMs = usedMs;
    if (!this.#isOver) setImmediate(this.#turn);
  };
}

/**
 * Processor time of the main thread so far. That of the whole process, which Node tells, holds the threads beside it as well:
 * they collect garbage and compile, and hold nothing up.
 */
function loopThreadMs(): number {
  const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ");
  return Number(nanoseconds) / 1e6;
}

function maxRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}

interface Queue {
  waitingSince: number | undefined;
  overdueSince: number | undefined;
  overdue: { lateMs: number | undefined; ending: string } | undefined;
}

/** Looks at every queue from outside, and notes when one is over its limit and when its connection is closed. */
export class QueueWatch {
  readonly #queues = new Map<Connection, Queue>();
  readonly #limits: { readonly maxQueueBytes: number; readonly writeTimeoutMs: number };

  constructor(hub: Hub, limits: { readonly maxQueueBytes: number; readonly writeTimeoutMs: number }) {
    this.#limits = limits;
    setInterval(() => {
      const now = performance.now();
      for (const connection of hub) this.#look(connection, now);
    }, QUEUES_EVERY_MS).unref();
  }

  /** upwire itself found it to be too slow: what a sample may have missed. */
  noteFound(connection: Connection): void {
    const queue = this.#queues.get(connection);
    if (queue !== undefined) this.#pass(connection, queue, performance.now());
  }

  get overdue(): Overdue[] {
    return [...this.#queues.values()].flatMap(({ overdue }) => overdue ?? []);
  }

  #look(connection: Connection, now: number): void {
    const waiting = connection.bufferedBytes;
    let queue = this.#queues.get(connection);
    if (queue === undefined) this.#queues.set(connection, (queue = { waitingSince: undefined, overdueSince: undefined, overdue: undefined }));
    if (waiting === 0) queue.waitingSince = undefined;
    else queue.waitingSince ??= now;
    const isOld = queue.waitingSince !== undefined && now - queue.waitingSince >= this.#limits.writeTimeoutMs;
    if (isOld || waiting > this.#limits.maxQueueBytes) this.#pass(connection, queue, now);
  }

  #pass(connection: Connection, queue: Queue, now: number): void {
    if (queue.overdueSince !== undefined) return;
    queue.overdueSince = now;
    const overdue = { lateMs: undefined as number | undefined, ending: "open" };
    queue.overdue = overdue;
    connection.onClose(({ code, reason }) => {
      overdue.lateMs = performance.now() - now;
      overdue.ending = `${code} ${reason}`;
    });
  }
}
