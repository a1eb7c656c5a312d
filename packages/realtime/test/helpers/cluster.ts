import { setImmediate as turn } from "node:timers/promises";
import type { Broker } from "@upwire/cluster/broker";
import { createRealtime, type LooseOptions, type Realtime, type LooseContract } from "@upwire/realtime";
import { FakeClock, linkedBrokers, type LinkedBrokers } from "@upwire/testing";
import { MemoryRoute } from "./memory-clients.ts";

type User = { readonly id: string } | undefined;
type Options = LooseOptions<string, User>;

/** One node of a cluster in memory. */
export interface Node {
  readonly name: string;
  readonly broker: Broker;
  readonly realtime: Realtime<LooseContract, User>;
  readonly route: MemoryRoute;
}

export interface ClusterSetup {
  readonly options?: Options;
  /** Takes the place of the broker of a node, such as a hostile one around it. */
  readonly wrap?: (broker: Broker, clock: FakeClock, index: number) => Broker;
}

/** Nodes that have the same topics and options, linked in memory, and a clock that only the test moves. */
export class Cluster {
  readonly clock = new FakeClock();
  readonly links: LinkedBrokers = linkedBrokers({ clock: this.clock });
  readonly nodes: readonly Node[];
  readonly reported: unknown[] = [];
  readonly #setup: ClusterSetup;

  constructor(count: number, setup: ClusterSetup = {}) {
    this.#setup = setup;
    this.nodes = Array.from({ length: count }, (_, index) => this.#node(index));
  }

  at(index: number): Node {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  #node(index: number): Node {
    const { clock } = this;
    const linked = this.links.broker();
    const broker = this.#setup.wrap?.(linked, clock, index) ?? linked;
    const onError = (error: unknown): void => void this.reported.push(error);
    const realtime = createRealtime<User, string>({
      authorize: ({ headers }) => (headers["x-user"] === undefined ? undefined : { id: String(headers["x-user"]) }),
      topics: {
        "room:{room}": { canSubscribe: () => true, canPublish: () => true },
        "live:{what}": { canSubscribe: () => true, canPublish: () => true, history: false },
      },
      ...this.#setup.options,
      broker,
      clock,
      options: { onError, pingIntervalMs: 0, ...this.#setup.options?.options },
    });
    return { name: linked.node, broker, realtime, route: new MemoryRoute(realtime, { onError, clock }) };
  }

  /** Lets everything happen that waits for no clock. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 6; turns++) await turn();
  }

  /** Lets `ms` milliseconds pass, in small steps. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(Math.min(50, ms - passed));
      await this.settle();
    }
  }

  /** What a promise fulfils with, which may take up to a second. Rejections are its own. */
  async within<Value>(promise: Promise<Value>, ms = 1000): Promise<Value> {
    const watched = { isOver: false };
    const over = (): void => void (watched.isOver = true);
    promise.then(over, over);
    await this.settle();
    for (let passed = 0; passed < ms && !watched.isOver; passed += 50) await this.pass(50);
    if (!watched.isOver) throw new Error(`it took more than ${ms} ms`);
    return promise;
  }

  async stop(): Promise<void> {
    await this.within(Promise.all(this.nodes.map(({ realtime }) => realtime.stop())), 10_000);
  }
}
