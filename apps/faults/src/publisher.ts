import { nowMs } from "./now.ts";
import type { Pace, PublisherNote, Said, Settled } from "./traffic.ts";

export interface PublisherSetup {
  readonly publisher: string;
  readonly topics: readonly string[];
  readonly pace: Pace;
  /** Publishes one message; what it settles with is the acknowledgement. */
  readonly publish: (topic: string, said: Said) => Promise<{ readonly offset?: number | undefined; readonly delivery?: "cluster" | "local-only" | undefined }>;
  readonly note: (note: PublisherNote) => void;
}

/** Acknowledgements are told together: one by one they would cost more than the publishes. Milliseconds. */
const TELL_MS = 10;

/** Publishes in the order of its numbers, several at a time and without waiting for answers, up to a window. */
export class Publisher {
  readonly #setup: PublisherSetup;
  readonly #last = new Map<string, number>();
  readonly #open = new Map<string, number>();
  readonly #timers: NodeJS.Timeout[] = [];
  #settled: Settled[] = [];

  constructor(setup: PublisherSetup) {
    this.#setup = setup;
  }

  start(): void {
    const { everyMs } = this.#setup.pace;
    this.#timers.push(
      setInterval(() => this.#turn(), everyMs),
      setInterval(() => this.#tell(), TELL_MS),
    );
  }

  /** Publishes no more; what is open may still be answered. */
  stop(): void {
    clearInterval(this.#timers[0]);
  }

  /** Publishes that are not answered yet. */
  get open(): number {
    let sum = 0;
    for (const open of this.#open.values()) sum += open;
    return sum;
  }

  /** After `stop`, for good. */
  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#tell();
  }

  #turn(): void {
    const { topics, pace, publisher, note } = this.#setup;
    for (const topic of topics) {
      const count = Math.min(pace.perTurn, pace.window - (this.#open.get(topic) ?? 0));
      if (count <= 0) continue;
      const from = (this.#last.get(topic) ?? 0) + 1;
      const to = from + count - 1;
      this.#last.set(topic, to);
      note({ kind: "begun", topic, publisher, from, to, at: nowMs() });
      for (let n = from; n <= to; n++) void this.#publish(topic, n);
    }
  }

  async #publish(topic: string, n: number): Promise<void> {
    const { publisher, publish } = this.#setup;
    this.#count(topic, 1);
    try {
      const { offset, delivery } = await publish(topic, { publisher, n });
      const outcome = delivery === "local-only" ? "local-only" : "acknowledged";
      this.#settled.push({ topic, publisher, n, outcome, ...(offset !== undefined && { offset }) });
    } catch (error) {
      const { code, message } = error as { readonly code?: string; readonly message?: string };
      this.#settled.push({ topic, publisher, n, outcome: "rejected", why: code ?? message ?? String(error) });
    }
    this.#count(topic, -1);
  }

  #count(topic: string, more: number): void {
    this.#open.set(topic, (this.#open.get(topic) ?? 0) + more);
  }

  #tell(): void {
    if (this.#settled.length === 0) return;
    this.#setup.note({ kind: "settled", settled: this.#settled });
    this.#settled = [];
  }
}
