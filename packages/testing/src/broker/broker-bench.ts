import { randomUUID } from "node:crypto";
import { setImmediate, setTimeout } from "node:timers/promises";
import type {
  Broker,
  BrokerData,
  BrokerPublication,
  BrokerState,
  HistoryBounds,
  HistoryPage,
  PublishOptions,
  PublishResult,
  TellOptions,
} from "@upwire/cluster/broker";
import { RealtimeError, type Position } from "@upwire/protocol";
import { FakeClock } from "../fake-clock.ts";
import type { BrokerSetup, CuttableBroker, MakeBroker } from "./broker-setup.ts";

/** How long a behaviour waits, in real time. Milliseconds. */
const PATIENCE_MS = 5000;
const STEP_MS = 20;
/** How often what a broker cannot do now is tried again. */
const TRIES = 100;

export const history: HistoryBounds = { messages: 1000, bytes: 1_000_000, ageMs: 60_000 };

export interface BenchOptions {
  /** How long a behaviour waits, in real time. Milliseconds. @default 5000 */
  readonly patienceMs?: number;
  /** The broker does not take its time from the clock: then the clock goes as fast as real time. @default false */
  readonly hasOwnTime?: boolean;
}

/** A broker that is being judged, and all that it told. */
export class BrokerBench {
  readonly clock: FakeClock;
  readonly broker: Broker;
  /** What the node plane told: the data as text. */
  readonly heard: (readonly [from: string, text: string])[] = [];
  /** What the hook `nodes` told. */
  readonly alive: (readonly string[])[] = [];
  readonly told: (readonly [topic: string, publication: BrokerPublication])[] = [];
  readonly tops: (readonly [topic: string, position: Position])[] = [];
  readonly gaps: string[] = [];
  readonly states: BrokerState[] = [];
  readonly #make: MakeBroker;
  readonly #setup: BrokerSetup;
  readonly #link: CuttableBroker | undefined;
  readonly #options: BenchOptions;
  /** The other nodes that were started from here. */
  readonly #joined: BrokerBench[] = [];

  private constructor(make: MakeBroker, setup: BrokerSetup, made: Broker | CuttableBroker, options: BenchOptions) {
    this.clock = setup.clock;
    this.broker = "broker" in made ? made.broker : made;
    this.#link = "broker" in made ? made : undefined;
    this.#make = make;
    this.#setup = setup;
    this.#options = options;
  }

  /** Starts the broker of a new cluster; also one that goes on from saved bytes. */
  static async start(make: MakeBroker, restore?: Uint8Array, options: BenchOptions = {}): Promise<BrokerBench> {
    const setup = { clock: new FakeClock(), network: randomUUID() };
    return BrokerBench.#start(make, restore === undefined ? setup : { ...setup, restore }, options);
  }

  static async #start(make: MakeBroker, setup: BrokerSetup, options: BenchOptions): Promise<BrokerBench> {
    const bench = new BrokerBench(make, setup, await make(setup), options);
    const starting = bench.broker.start({
      message: (topic, publication) => void bench.told.push([topic, publication]),
      top: (topic, position) => void bench.tops.push([topic, position]),
      gap: (topic) => void bench.gaps.push(topic),
      state: (state) => void bench.states.push(state),
      told: (from, data) => void bench.heard.push([from, new TextDecoder().decode(data)]),
      nodes: (alive) => void bench.alive.push(alive),
    });
    if (starting !== undefined) await bench.of("start", starting);
    return bench;
  }

  /** A broker of a cluster of its own that has not been started, with a clock of its own. */
  static async unstarted(make: MakeBroker): Promise<{ readonly broker: Broker; readonly clock: FakeClock }> {
    const setup = { clock: new FakeClock(), network: randomUUID() };
    const made = await make(setup);
    return { broker: "broker" in made ? made.broker : made, clock: setup.clock };
  }

  /** Starts another node of the same cluster, whose time is the same. */
  async join(): Promise<BrokerBench> {
    const joined = await BrokerBench.#start(this.#make, this.#setup, this.#options);
    this.#joined.push(joined);
    return joined;
  }

  /** How many seconds a behaviour looks at that has to hold in each: real ones are dear. */
  get seconds(): number {
    return this.#options.hasOwnTime === true ? 1 : 3;
  }

  /** The texts that `from` has told. */
  heardOf(from: BrokerBench): string[] {
    return this.heard.flatMap(([name, text]) => (name === from.broker.node ? [text] : []));
  }

  /** Closes all that was started from here. */
  async close(): Promise<void> {
    await Promise.all([...this.#joined.map((joined) => joined.close()), this.broker.close()]);
  }

  async cut(): Promise<void> {
    await this.#link?.cut();
  }

  async mend(): Promise<void> {
    await this.#link?.mend();
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

  /** Lets time pass until `holds`. @param patience So many times longer than usual. */
  until(what: string, holds: () => boolean, patience: number = 1): Promise<void> {
    return this.#poll(what, holds, patience, STEP_MS);
  }

  /** Lets a second pass, and waits for a position of `topic` that is shown since. */
  async nextTop(topic: string): Promise<Position | undefined> {
    const seen = this.tops.length;
    const next = (): Position | undefined => this.tops.slice(seen).find(([of]) => of === topic)?.[1];
    if (this.#options.hasOwnTime !== true) this.clock.advance(1000);
    await this.untilNow(`the position of ${topic} is shown`, () => next() !== undefined);
    return next();
  }

  /** Waits until `holds`, for what is on its way, while the clock stands. */
  untilNow(what: string, holds: () => boolean): Promise<void> {
    return this.#poll(what, holds, 1, 0);
  }

  async #poll(what: string, holds: () => boolean, patience: number, stepMs: number): Promise<void> {
    const { patienceMs = PATIENCE_MS, hasOwnTime = false } = this.#options;
    const end = performance.now() + patience * patienceMs;
    while (!holds()) {
      const before = performance.now();
      if (before > end) throw new Error(`${what}: not within ${patience * patienceMs} ms of real time and ${this.clock.now()} ms of the clock`);
      await (hasOwnTime ? setTimeout(1) : setImmediate());
      this.clock.advance(hasOwnTime ? performance.now() - before : stepMs);
    }
  }

  /** Lets time pass until `promise` is settled. @param patience So many times longer than usual. */
  async of<Result>(what: string, promise: Promise<Result>, patience: number = 1): Promise<Result> {
    let isSettled = false;
    const settle = (): void => void (isSettled = true);
    promise.then(settle, settle);
    // An answer that is there already needs no time to pass.
    await setImmediate();
    await this.until(what, () => isSettled, patience);
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

  /** Tells until the broker has taken it over: it may come more than once then. */
  async tell(node: string | undefined, text: string, options?: TellOptions): Promise<void> {
    return this.#retried("tell", () => this.broker.tell(node, new TextEncoder().encode(text), options));
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
