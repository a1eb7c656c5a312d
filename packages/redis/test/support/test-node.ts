import { setTimeout } from "node:timers/promises";
import type { Broker, BrokerPublication, BrokerState, HistoryBounds } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import { redisBroker, type RedisBrokerOptions } from "@upwire/redis";
import { onTestFinished } from "vitest";

export const history: HistoryBounds = { messages: 100_000, bytes: 100_000_000, ageMs: 60_000 };

export interface NodeListener {
  readonly message?: (topic: string, publication: BrokerPublication) => void;
  readonly top?: (topic: string, position: Position) => void;
  readonly gap?: (topic: string) => void;
}

/** A node of a test, and what its broker told. */
export class TestNode {
  readonly broker: Broker;
  readonly messages: (BrokerPublication & { readonly topic: string })[] = [];
  readonly gaps: string[] = [];
  readonly states: { readonly state: BrokerState; readonly at: number }[] = [];
  readonly errors: string[] = [];
  readonly tops = new Map<string, Position>();
  readonly #listeners: NodeListener[] = [];

  private constructor(options: RedisBrokerOptions) {
    this.broker = redisBroker({ onError: ({ message }) => void this.errors.push(message), ...options });
  }

  /** Started, and closed when the test has finished. */
  static async start(options: RedisBrokerOptions): Promise<TestNode> {
    const node = new TestNode(options);
    await node.broker.start({
      message: (topic, publication) => {
        node.messages.push({ topic, ...publication });
        for (const listener of node.#listeners) listener.message?.(topic, publication);
      },
      top: (topic, position) => {
        node.tops.set(topic, position);
        for (const listener of node.#listeners) listener.top?.(topic, position);
      },
      gap: (topic) => {
        node.gaps.push(topic);
        for (const listener of node.#listeners) listener.gap?.(topic);
      },
      state: (state) => void node.states.push({ state, at: performance.now() }),
      told: () => {},
      nodes: () => {},
    });
    onTestFinished(() => node.broker.close());
    return node;
  }

  on(listener: NodeListener): void {
    this.#listeners.push(listener);
  }

  dataOf(topic: string): unknown[] {
    return this.messages.flatMap((message) => (message.topic === topic ? [message.data] : []));
  }
}

/** Waits until `holds`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await setTimeout(5);
  }
}
