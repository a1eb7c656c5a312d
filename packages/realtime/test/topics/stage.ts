import { memoryBroker, type Broker } from "@upwire/cluster/broker";
import { Upgrader, type Connection, type UpgraderOptions } from "@upwire/core";
import type { RealtimeError, Since } from "@upwire/protocol";
import { FakeClock, openInMemory, sentTo, type TransportPeer } from "@upwire/testing";
import { newTopicStats, type TopicStats } from "../../src/topics/stats.ts";
import type { SubscribeResult } from "../../src/topics/opening.ts";
import type { TopicConfig } from "../../src/topics/setup.ts";
import { Topics, type TopicsSetup } from "../../src/topics/topics.ts";

const HISTORY = { messages: 1000, bytes: 1024 * 1024, ageMs: 300_000 };
export const withHistory: TopicConfig = { history: HISTORY, state: undefined };
export const withoutHistory: TopicConfig = { history: undefined, state: undefined };

/** A publication's text. */
export const text = (n: unknown): string => JSON.stringify({ type: "n", payload: n });

/** Lets everything run that waits for no clock. */
export async function settle(turns = 6): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** One connection, and what its client was sent. */
export class Client {
  readonly connection: Connection;
  readonly peer: TransportPeer;
  readonly #topics: Topics;
  #seen = 0;

  constructor(topics: Topics, connection: Connection, peer: TransportPeer) {
    this.#topics = topics;
    this.connection = connection;
    this.peer = peer;
  }

  /** Subscribes, and queues the answer as a server does. */
  subscribe(config: TopicConfig, since?: Since, name = "t"): void {
    this.#topics.subscribe(this.connection, name, config, since, (result) => this.#answer(result));
  }

  add(config: TopicConfig, name = "t"): void {
    this.#topics.add(this.connection, name, config, () => {});
  }

  unsubscribe(name = "t"): boolean {
    return this.#topics.unsubscribe(this.connection, name);
  }

  /** What came since the last call: gaps and answers as they are, publications as their payload, with the offset if there is one. */
  async next(): Promise<unknown[]> {
    await settle();
    return this.nextNow();
  }

  /** All that it was sent. */
  texts(): string[] {
    return sentTo(this.peer);
  }

  nextNow(): unknown[] {
    const all = sentTo(this.peer);
    const fresh = all.slice(this.#seen);
    this.#seen = all.length;
    return fresh.map(read);
  }

  #answer(result: SubscribeResult | RealtimeError): void {
    const answer = "code" in result ? { error: result.code } : shown(result);
    this.connection.send(JSON.stringify({ re: answer }), { mustArrive: true });
  }
}

function shown({ position, after, resumed, state }: SubscribeResult): object {
  const places = position === undefined ? {} : { top: position.offset, after };
  return { ...places, resumed, ...(state === undefined ? {} : { state: JSON.parse(state) as unknown }) };
}

function read(frame: string): unknown {
  const json = frame.replace(/^text /, "");
  if (json === frame) return frame;
  const message = JSON.parse(json) as { re?: unknown; type?: string; offset?: number; payload?: { epoch?: string } };
  if (message.re !== undefined) return message.re;
  if (message.type === "upwire.gap") {
    const { epoch: _, ...gap } = message.payload ?? {};
    return { gap };
  }
  return message.offset === undefined ? message.payload : `${message.offset}=${JSON.stringify(message.payload)}`;
}

export interface Stage {
  readonly clock: FakeClock;
  readonly broker: Broker;
  readonly topics: Topics;
  readonly stats: TopicStats;
  /** What was reported. */
  readonly reported: unknown[];
  readonly connect: (options?: UpgraderOptions) => Promise<Client>;
  /** Publishes payloads one after the other. */
  readonly publish: (config: TopicConfig, ...payloads: unknown[]) => Promise<void>;
}

export interface StageOptions {
  readonly broker?: (clock: FakeClock) => Broker;
  readonly limits?: TopicsSetup["limits"];
}

export function stage({ broker: make = (clock) => memoryBroker({ clock }), limits = {} }: StageOptions = {}): Stage {
  const clock = new FakeClock();
  const broker = make(clock);
  const stats = newTopicStats();
  const reported: unknown[] = [];
  const topics = new Topics({ broker, clock, limits, stats, report: (error) => void reported.push(error) });
  const connect = async (options?: UpgraderOptions): Promise<Client> => {
    const upgrader = new Upgrader({ slowConsumer: "drop-newest", pingIntervalMs: 0, ...options });
    const { connection, peer } = await openInMemory(upgrader, { close: (one) => topics.closed(one) });
    await settle(2);
    return new Client(topics, connection, peer);
  };
  const publish = async (config: TopicConfig, ...payloads: unknown[]): Promise<void> => {
    for (const payload of payloads) await topics.publish("t", config, text(payload), {});
  };
  return { clock, broker, topics, stats, reported, connect, publish };
}
