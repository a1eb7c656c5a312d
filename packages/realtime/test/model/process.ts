import { memoryBroker, type Broker } from "@upwire/cluster/broker";
import type { Clock, ConnectionHandler, SlowConsumerPolicy, UpgraderOptions } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import { RealtimeError } from "@upwire/protocol";
import { createRealtime, type Realtime } from "@upwire/realtime";
import { hostileBroker } from "@upwire/testing";
import type { Journal } from "./journal.ts";
import { recordingBroker } from "./recording-broker.ts";
import { kinds, REPLAY_MESSAGES, type TopicKind } from "./topics.ts";
import { watchedBroker } from "./troubles.ts";
import type { Truth } from "./truth.ts";
import type { Served } from "./venue.ts";
import type { Wire } from "./wire.ts";

export type BrokerName = "memory" | "hostile";

export interface ProcessSetup {
  readonly clock: Clock;
  readonly truth: Truth;
  readonly journal: Journal;
  readonly broker: BrokerName;
  readonly seed: number;
  /** The how manieth process of this run it is. */
  readonly life: number;
  /** How many were killed before. */
  readonly era: number;
  /** What the process before it saved. */
  readonly restore: { readonly realtime: Uint8Array; readonly broker: Uint8Array } | undefined;
  /** What the application shows as the state of a topic. */
  readonly stateOf: (topic: string) => unknown;
}

const LIMITS = { maxQueueBytes: 6 * 1024, maxQueueMessages: 64, writeTimeoutMs: 20_000 } as const;
/** What the way to a client holds before it counts as full. Bytes. */
const HIGH_WATER_MARK = 1024;

/** One life of the server: from its start, or what the one before it saved, to its end. */
export class Process {
  readonly realtime: Realtime<never, string>;
  readonly #clock: MortalClock;
  readonly #journal: Journal;
  #served: Served | undefined;
  #brokerBytes: Uint8Array | undefined;

  constructor({ clock, truth, journal, broker, seed, life, era, restore, stateOf }: ProcessSetup) {
    this.#clock = new MortalClock(clock);
    this.#journal = journal;
    const memory = memoryBroker({ clock: this.#clock, ...(restore && { restore: restore.broker }) });
    const recording = recordingBroker(memory, {
      published: (topic, data, position) => {
        const text = String(data);
        // Without history the witness says what there was.
        if (position === undefined) return;
        truth.note({ topic, position, number: numberOf(text), bytes: Buffer.byteLength(text), at: clock.now(), life, era });
      },
      begun: (topic, epoch) => truth.begin(topic, epoch),
      left: (topic) => truth.left(topic, clock.now()),
      saved: (bytes) => (this.#brokerBytes = bytes),
    });
    const used = broker === "memory" ? recording : hostileOf(recording, { clock: this.#clock, seed: seed * 1000 + life, truth });
    const topics = Object.fromEntries(Object.values(kinds).map((kind) => [kind.pattern, rulesOf(kind, stateOf)]));
    this.realtime = createRealtime({
      authorize: (request) => request.query.get("user") ?? "",
      topics,
      limits: { replayMessages: REPLAY_MESSAGES },
      broker: used,
      clock: this.#clock,
      options: { onError: (error) => this.#reported(error) },
    }) as Realtime<never, string>;
  }

  /** Call it once, before a client connects. */
  async listen(serve: (handler: ConnectionHandler) => Promise<Served>): Promise<void> {
    this.#served = await serve(this.realtime as unknown as ConnectionHandler);
  }

  open(user: string, slowConsumer: SlowConsumerPolicy): Promise<Wire> {
    return this.#open(user, slowConsumer, HIGH_WATER_MARK, { ...LIMITS, slowConsumer });
  }

  /** A client whose queue has room for everything. */
  openWitness(): Promise<Wire> {
    return this.#open("witness", "witness", 1024 * 1024, {});
  }

  /** A planned end: what the next one goes on from. */
  async save(): Promise<{ readonly realtime: Uint8Array; readonly broker: Uint8Array }> {
    const realtime = await this.realtime.save();
    return { realtime, broker: this.#brokerBytes as Uint8Array };
  }

  /** What the broker could not do is told to the clients, and is no fault of the server. */
  #reported(error: unknown): void {
    if (!(error instanceof RealtimeError && error.code === "unavailable")) this.#journal.fault(error);
  }

  /** Nothing of it runs any more. */
  async die(): Promise<void> {
    this.#clock.die();
    await this.#served?.close();
  }

  #open(user: string, name: string, highWaterMark: number, limits: UpgraderOptions): Promise<Wire> {
    if (this.#served === undefined) throw new Error("this process does not listen");
    const options = { ...limits, onError: (error: unknown) => this.#reported(error), clock: this.#clock };
    return this.#served.open({ user, name, options, highWaterMark });
  }
}

function hostileOf(inner: Broker, { clock, seed, truth }: { readonly clock: Clock; readonly seed: number; readonly truth: Truth }): Broker {
  return watchedBroker(hostileBroker(inner, { clock, seed }), clock, (topic) => truth.unreadable(topic, clock.now()));
}

/** The number that a publication carries. */
export function numberOf(text: string): number {
  return (JSON.parse(text) as { readonly payload: { readonly number: number } }).payload.number;
}

function rulesOf({ history, hasState }: TopicKind, stateOf: (topic: string) => unknown) {
  return {
    canSubscribe: () => true,
    canPublish: () => true,
    history: history ?? (false as const),
    ...(hasState && { state: ({ topic }: { readonly topic: string }) => stateOf(topic) }),
  };
}

/** The time of one process: it ends with it. */
class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #isDead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, run: () => void): Timer {
    if (this.#isDead) return { cancel: () => {} };
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    return this.#kept(timer);
  }

  every(ms: number, run: () => void): Timer {
    return this.#isDead ? { cancel: () => {} } : this.#kept(this.#clock.every(ms, run));
  }

  die(): void {
    this.#isDead = true;
    for (const timer of this.#timers) timer.cancel();
  }

  #kept(timer: Timer): Timer {
    this.#timers.add(timer);
    return {
      cancel: () => {
        timer.cancel();
        this.#timers.delete(timer);
      },
    };
  }
}
