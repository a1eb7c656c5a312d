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
  #waiting: (() => void)[] = [];

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
      state: (state) => {
        node.states.push({ state, at: performance.now() });
        for (const resume of node.#waiting.splice(0)) resume();
      },
      told: () => {},
      nodes: () => {},
    });
    onTestFinished(() => node.broker.close());
    return node;
  }

  on(listener: NodeListener): void {
    this.#listeners.push(listener);
  }

  /** Fulfils when the broker is up: in the next turn, or after a word of it. */
  async whenUp(): Promise<void> {
    while (this.broker.state() !== "up") await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }

  dataOf(topic: string): unknown[] {
    return this.messages.flatMap((message) => (message.topic === topic ? [message.data] : []));
  }
}

const POLL_MS = 5;

/** Waits until `holds`, and gives up after `withinMs` of time in which this process was not held up: a busy machine has longer. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  let last = performance.now();
  let heldUpMs = 0;
  const end = last + withinMs;
  while (!(await holds())) {
    const now = performance.now();
    heldUpMs += Math.max(0, now - last - 2 * POLL_MS);
    last = now;
    if (now - heldUpMs > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await setTimeout(POLL_MS);
  }
}
