import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Broker, BrokerData, BrokerPublication, BrokerState, HistoryBounds, HistoryPage, PublishOptions, PublishResult } from "@upwire/cluster/broker";
import { RealtimeError, type Position } from "@upwire/protocol";
import { FakeClock } from "../fake-clock.ts";
import type { MakeBroker } from "./broker-setup.ts";

/** How long a behaviour waits, in real time. Milliseconds. */
const PATIENCE_MS = 5000;
const STEP_MS = 20;
/** How often what a broker cannot do now is tried again. */
const TRIES = 100;

export const history: HistoryBounds = { messages: 1000, bytes: 1_000_000, ageMs: 60_000 };

/** A broker that is being judged, and all that it told. */
export class BrokerBench {
  readonly clock: FakeClock;
  readonly broker: Broker;
  readonly told: (readonly [topic: string, publication: BrokerPublication])[] = [];
  readonly tops: (readonly [topic: string, position: Position])[] = [];
  readonly gaps: string[] = [];
  readonly states: BrokerState[] = [];
  readonly #patienceMs: number;

  private constructor(clock: FakeClock, broker: Broker, patienceMs: number) {
    this.clock = clock;
    this.broker = broker;
    this.#patienceMs = patienceMs;
  }

  /** Starts a broker; also one that goes on from saved bytes. */
  static async start(make: MakeBroker, restore?: Uint8Array, { patienceMs = PATIENCE_MS }: { readonly patienceMs?: number } = {}): Promise<BrokerBench> {
    const clock = new FakeClock();
    const bench = new BrokerBench(clock, await make(restore === undefined ? { clock } : { clock, restore }), patienceMs);
    await bench.broker.start({
      message: (topic, publication) => void bench.told.push([topic, publication]),
      top: (topic, position) => void bench.tops.push([topic, position]),
      gap: (topic) => void bench.gaps.push(topic),
      state: (state) => void bench.states.push(state),
    });
    return bench;
  }

  /** What was told of `topic`. */
  toldOf(topic: string): BrokerPublication[] {
    return this.told.flatMap(([of, publication]) => (of === topic ? [publication] : []));
  }

  /** The newest offset of `topic` that was told or shown. */
  shownOf(topic: string): number {
    const offsets = this.toldOf(topic).map(({ position }) => position?.offset ?? 0);
    const tops = this.tops.flatMap(([of, { offset }]) => (of === topic ? [offset] : []));
    return Math.max(0, ...offsets, ...tops);
  }

  /** Lets time pass until `holds`. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const end = performance.now() + this.#patienceMs;
    while (!holds()) {
      if (performance.now() > end) throw new Error(`${what}: not within ${this.#patienceMs} ms of real time and ${this.clock.now()} ms of the clock`);
      await setImmediate();
      this.clock.advance(STEP_MS);
    }
  }

  /** Lets time pass until `promise` is settled. */
  async of<Result>(what: string, promise: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settle = (): void => void (isSettled = true);
    promise.then(settle, settle);
    // An answer that is there already needs no time to pass.
    await setImmediate();
    await this.until(what, () => isSettled);
    return promise;
  }

  /** Publishes until it works: with the same key, so that it takes effect once. */
  async publish(topic: string, data: BrokerData, options: PublishOptions = {}): Promise<PublishResult> {
    const key = options.key ?? randomUUID();
    return this.#retried("publish", () => this.broker.publish(topic, data, { ...options, key }));
  }

  async subscribe(topic: string, bounds?: HistoryBounds): Promise<Position | undefined> {
    return this.#retried("subscribe", () => this.broker.subscribe(topic, bounds === undefined ? {} : { history: bounds }));
  }

  async unsubscribe(topic: string): Promise<void> {
    return this.#retried("unsubscribe", () => this.broker.unsubscribe(topic));
  }

  /** The whole history after an offset: `first`, `top` and epoch as the last page says. */
  async history(topic: string, after: number = 0, limit: number = 1000): Promise<HistoryPage> {
    const all: HistoryPage["publications"][number][] = [];
    for (;;) {
      const from = all.at(-1)?.offset ?? after;
      const page = await this.page(topic, from, limit);
      all.push(...page.publications);
      if (page.publications.length === 0) return { ...page, publications: all };
    }
  }

  async page(topic: string, after: number, limit: number): Promise<HistoryPage> {
    return this.#retried("history", () => this.#answered(this.broker.history(topic, after, limit)));
  }

  /** As a node does: gives up after 2 s of the clock. */
  #answered<Result>(answer: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(2000, () => reject(new RealtimeError("unavailable", "no answer within 2 s")));
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  async #retried<Result>(what: string, call: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.of(what, call());
      } catch (error) {
        if (!isUnavailable(error) || attempt === TRIES) throw error;
        this.clock.advance(STEP_MS);
      }
    }
  }
}

/** What the seam says that a broker rejects with. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof RealtimeError && error.code === "unavailable" && error.retryable;
}
