import { setImmediate as turn } from "node:timers/promises";
import type { Broker } from "@upwire/cluster/broker";
import { Casts, type CastsOptions, type Reach } from "@upwire/cluster/casts";
import { FakeClock, linkedBrokers, type LinkedBrokers } from "@upwire/testing";

/** One node of a cluster under test. */
export interface TestNode {
  readonly casts: Casts;
  readonly broker: FreezingBroker;
  readonly name: string;
  /** What was delivered here, as `address data`. */
  readonly heard: string[];
  /** How many queues take a cast here. */
  took: number;
  readonly asked: unknown[];
  readonly errors: unknown[];
  readonly gaps: string[];
}

/** Nodes that are linked in this process, on a clock of their own. */
export class TestCluster {
  readonly clock: FakeClock = new FakeClock();
  readonly network: LinkedBrokers = linkedBrokers({ clock: this.clock });

  /** Timers of the network itself. */
  readonly timers = 1;

  /** @param wrap What is between the casts and their broker. */
  async node(options: Partial<CastsOptions> = {}, wrap?: (broker: Broker) => Broker): Promise<TestNode> {
    const node = this.unstarted(options, wrap);
    await node.casts.start();
    // Nodes greet each other.
    await turns();
    return node;
  }

  async nodes(count: 2): Promise<[TestNode, TestNode]>;
  async nodes(count: 3): Promise<[TestNode, TestNode, TestNode]>;
  async nodes(count: 4): Promise<[TestNode, TestNode, TestNode, TestNode]>;
  async nodes(count: number): Promise<TestNode[]> {
    const nodes: TestNode[] = [];
    for (let made = 0; made < count; made++) nodes.push(await this.node());
    return nodes;
  }

  unstarted(options: Partial<CastsOptions> = {}, wrap: (broker: Broker) => Broker = (broker) => broker): TestNode {
    const broker = new FreezingBroker(wrap(this.network.broker()));
    const heard: string[] = [];
    const [asked, errors, gaps]: [unknown[], unknown[], string[]] = [[], [], []];
    const casts = new Casts({
      broker,
      clock: this.clock,
      deliver: (address, data) => {
        heard.push(`${address} ${typeof data === "string" ? data : Buffer.from(data).toString("hex")}`);
        return node.took;
      },
      answer: (question) => {
        asked.push(question);
        return { from: broker.node };
      },
      report: (error) => errors.push(error),
      gap: (address) => gaps.push(address),
      ...options,
    });
    const node: TestNode = { casts, broker, name: broker.node, heard, took: 1, asked, errors, gaps };
    return node;
  }

  /** Joins an address, and waits until that works. */
  async join(address: string, ...nodes: readonly TestNode[]): Promise<void> {
    for (const { casts } of nodes) casts.join(address);
    await turns();
  }

  /** What comes of a promise when time passes: its value, and after how many milliseconds it was there. */
  async after<Value>(promise: Promise<Value>): Promise<readonly [value: Value, ms: number]> {
    let value: readonly [Value] | undefined;
    void promise.then((come) => (value = [come]));
    for (let ms = 0; ms <= 5000; ms += 50) {
      await turns();
      if (value !== undefined) return [value[0], ms];
      this.clock.advance(50);
    }
    throw new Error("it takes more than 5 s");
  }
}

/** Lets everything run that waits for no time. */
export async function turns(count: number = 6): Promise<void> {
  for (let done = 0; done < count; done++) await turn();
}

/** A broker, some of whose methods are others. */
export function changed(broker: Broker, methods: Partial<Broker>): Broker {
  return new Proxy(broker, {
    get(target, name) {
      const own = methods[name as keyof Broker];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A complete reach. */
export function all(reached: number): Reach {
  return { reached, missing: [], delivery: "cluster" };
}

/** A broker whose node can stand still, as with SIGSTOP: nothing comes in, and the others still take it for alive. */
export class FreezingBroker implements Broker {
  readonly #inner: Broker;
  readonly #held: (() => void)[] = [];
  #isFrozen = false;

  constructor(inner: Broker) {
    this.#inner = inner;
  }

  get capabilities(): Broker["capabilities"] {
    return this.#inner.capabilities;
  }
  get node(): string {
    return this.#inner.node;
  }
  get stats(): Broker["stats"] {
    return this.#inner.stats;
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const run of this.#held.splice(0)) run();
  }

  start(sink: Parameters<Broker["start"]>[0]): Promise<void> | void {
    const hold = (run: () => void): void => (this.#isFrozen ? void this.#held.push(run) : run());
    return this.#inner.start({
      message: (topic, publication) => hold(() => sink.message(topic, publication)),
      top: (topic, position) => hold(() => sink.top(topic, position)),
      gap: (topic) => hold(() => sink.gap(topic)),
      state: (state) => hold(() => sink.state(state)),
      told: (from, data) => hold(() => sink.told(from, data)),
      nodes: (alive) => hold(() => sink.nodes(alive)),
    });
  }

  publish: Broker["publish"] = (...args) => this.#inner.publish(...args);
  subscribe: Broker["subscribe"] = (...args) => this.#inner.subscribe(...args);
  unsubscribe: Broker["unsubscribe"] = (...args) => this.#inner.unsubscribe(...args);
  history: Broker["history"] = (...args) => this.#inner.history(...args);
  state: Broker["state"] = () => this.#inner.state();
  nodes: Broker["nodes"] = () => this.#inner.nodes();
  tell: Broker["tell"] = (...args) => this.#inner.tell(...args);
  close: Broker["close"] = () => this.#inner.close();
}
