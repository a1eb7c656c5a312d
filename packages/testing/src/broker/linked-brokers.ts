import { memoryBroker, realClock, type Broker, type HistoryBounds } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { Position } from "@upwire/protocol";
import { LinkedNode, type LinkedNetwork } from "./linked-node.ts";

/** How often the newest positions are shown. Milliseconds. */
const TOP_MS = 1000;
/** After so long the others take a node that has ended without a word, or is cut off, for gone. Milliseconds. */
const GONE_MS = 4000;

export interface LinkedBrokersOptions {
  /** @default real time */
  readonly clock?: Clock;
}

/** The nodes of a cluster that is in this process alone. */
export interface LinkedBrokers {
  /** The broker of a further node. It has not been started. */
  broker(): Broker;
  /**
   * Breaks the way between a node and the others, without a word to the others: it is `down`, and reaches no node; they drop it
   * after 4 s.
   * @param node Its name. @throws RangeError for one that was not started here, or has ended.
   */
  cut(node: string): void;
  /** Mends that: gaps, newest positions, and what was kept for the node are told. @throws RangeError as `cut`. */
  mend(node: string): void;
  /** Ends a node as `kill -9` does: it does nothing more, and the others drop it after 4 s. @throws RangeError as `cut`. */
  kill(node: string): void;
}

/**
 * Brokers of several nodes over one memory, for tests of what is built on a broker. Nothing comes late, twice or out of order: hooks
 * are called inside `publish` and `tell`, unless a node is cut off. The memory lives as long as the value that is returned.
 */
export function linkedBrokers({ clock = realClock }: LinkedBrokersOptions = {}): LinkedBrokers {
  return new Network(clock);
}

interface Kept {
  readonly from: string;
  readonly data: Uint8Array;
  /** By the clock. */
  readonly until: number;
}

class Network implements LinkedBrokers, LinkedNetwork {
  readonly memory: Broker;
  readonly #clock: Clock;
  /** The nodes that have been started and have not closed, also killed ones that are not taken for gone yet. */
  readonly #nodes = new Set<LinkedNode>();
  /** The nodes that the others take for gone. */
  readonly #gone = new Set<LinkedNode>();
  readonly #goneAt = new Map<LinkedNode, Timer>();
  readonly #kept = new Map<LinkedNode, Kept[]>();
  /** The newest position of each topic with history that a node has subscribed. */
  readonly #tops = new Map<string, Position>();
  readonly #undelivered: (() => void)[] = [];
  #isDelivering = false;
  #ticks: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.memory = memoryBroker({ clock });
    void this.memory.start({
      message: (topic, publication) => {
        if (publication.position !== undefined) this.#tops.set(topic, publication.position);
        this.#together(() => {
          for (const node of this.#nodes) node.message(topic, publication);
        });
      },
      top: () => {},
      gap: () => {},
      state: () => {},
      told: () => {},
      nodes: () => {},
    });
  }

  broker(): Broker {
    return new LinkedNode(this);
  }

  cut(name: string): void {
    const node = this.#find(name);
    if (node.link === "cut") return;
    node.cut();
    this.#goneLater(node);
  }

  mend(name: string): void {
    const node = this.#find(name);
    if (node.link !== "cut") return;
    const kept = this.#kept.get(node) ?? [];
    const now = this.#clock.now();
    this.#kept.delete(node);
    this.#isBack(node);
    this.#together(() => {
      node.mend();
      this.#showTops(node);
      for (const { from, data, until } of kept) if (now <= until) node.told(from, data);
      this.#showNodes();
    });
  }

  kill(name: string): void {
    const node = this.#find(name);
    void this.#end(node);
    this.#goneLater(node);
  }

  join(node: LinkedNode): void {
    this.#nodes.add(node);
    this.#ticks ??= this.#clock.every(TOP_MS, () => {
      for (const each of this.#nodes) this.#showTops(each);
    });
    this.#showNodes();
  }

  async leave(node: LinkedNode): Promise<void> {
    this.#isBack(node);
    if (this.#nodes.delete(node)) this.#showNodes();
    if (this.#nodes.size === 0) {
      this.#ticks?.cancel();
      this.#ticks = undefined;
    }
    await this.#end(node);
  }

  async subscribe(topic: string, options: { readonly history?: HistoryBounds } | undefined): Promise<Position | undefined> {
    const position = await this.memory.subscribe(topic, options);
    if (position !== undefined) this.#tops.set(topic, position);
    return position;
  }

  async left(topic: string): Promise<void> {
    if ([...this.#nodes].some(({ topics }) => topics.has(topic))) return;
    this.#tops.delete(topic);
    await this.memory.unsubscribe(topic);
  }

  othersOf(node: LinkedNode, topic: string): number {
    let count = 0;
    for (const { link, topics, node: name } of this.#nodes) if (name !== node.node && link === "up" && topics.has(topic)) count++;
    return count;
  }

  tell(from: LinkedNode, to: string | undefined, data: Uint8Array, keepMs: number | undefined): void {
    this.#together(() => {
      for (const node of this.#nodes) {
        if (node === from || (to !== undefined && to !== node.node)) continue;
        if (node.link === "up") node.told(from.node, data);
        else if (node.link === "cut" && keepMs !== undefined) this.#keep(node, { from: from.node, data, until: this.#clock.now() + keepMs });
      }
    });
  }

  deliver(run: () => void): void {
    this.#together(() => void this.#undelivered.push(run));
  }

  /** What `run` delivers, to several nodes, stands in line before anything that their hooks bring about. */
  #together(run: () => void): void {
    if (this.#isDelivering) return run();
    this.#isDelivering = true;
    try {
      run();
      for (let next = this.#undelivered.shift(); next !== undefined; next = this.#undelivered.shift()) next();
    } finally {
      this.#isDelivering = false;
    }
  }

  #find(name: string): LinkedNode {
    for (const node of this.#nodes) if (node.node === name && node.link !== "ended") return node;
    throw new RangeError(`${JSON.stringify(name)} is no node here that was started and has not ended; give the node of a broker`);
  }

  async #end(node: LinkedNode): Promise<void> {
    const topics = [...node.topics.keys()];
    node.end();
    this.#kept.delete(node);
    await Promise.all(topics.map((topic) => this.left(topic)));
  }

  #keep(node: LinkedNode, kept: Kept): void {
    const known = this.#kept.get(node);
    if (known === undefined) this.#kept.set(node, [kept]);
    else known.push(kept);
  }

  #goneLater(node: LinkedNode): void {
    this.#goneAt.get(node)?.cancel();
    const timer = this.#clock.after(GONE_MS, () => {
      this.#goneAt.delete(node);
      if (node.link === "ended") void this.leave(node);
      else this.#gone.add(node);
      this.#showNodes();
    });
    this.#goneAt.set(node, timer);
  }

  #isBack(node: LinkedNode): void {
    this.#gone.delete(node);
    this.#goneAt.get(node)?.cancel();
    this.#goneAt.delete(node);
  }

  #showNodes(): void {
    const alive = [...this.#nodes].filter((node) => !this.#gone.has(node)).map(({ node }) => node);
    this.#together(() => {
      for (const node of this.#nodes) {
        if (this.#gone.has(node)) node.show([node.node]);
        else if (node.link === "up") node.show(alive);
      }
    });
  }

  #showTops(node: LinkedNode): void {
    for (const [topic, position] of this.#tops) node.top(topic, position);
  }
}
