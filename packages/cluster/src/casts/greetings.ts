import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import { ItemKind, oneItem } from "./control.ts";
import type { Nodes } from "./nodes.ts";

/** When a node that says nothing is greeted again, after the time before. A tell may be lost. Milliseconds. */
const PAUSES_MS = [250, 500, 1250];

interface GreetingsSetup {
  readonly clock: Clock;
  readonly nodes: Nodes;
  readonly tell: (node: string, data: Uint8Array) => Promise<void>;
}

/**
 * Finds out which nodes of the broker have casts at all: one that only keeps histories, or only publishes, has none, and would be missing
 * in every answer. Each node greets each that it begins to see; one that has said nothing for two seconds is taken for one without, until
 * it speaks.
 */
export class Greetings {
  readonly #setup: GreetingsSetup;
  /** By the node that is greeted, what waits for its answer. */
  readonly #waiting = new Map<string, Timer>();

  constructor(setup: GreetingsSetup) {
    this.#setup = setup;
  }

  greet(nodes: readonly string[]): void {
    for (const node of nodes) if (!this.#setup.nodes.isHeard(node)) this.#greet(node, 0);
  }

  /** @param wantsAnswer What the greeting says. */
  greeted(from: string, wantsAnswer: number): void {
    if (wantsAnswer === 1) this.#tell(from, 0);
  }

  heard(node: string): void {
    this.#setup.nodes.hear(node);
    this.#stop(node);
  }

  gone(nodes: readonly string[]): void {
    for (const node of nodes) this.#stop(node);
  }

  close(): void {
    this.gone([...this.#waiting.keys()]);
  }

  #greet(node: string, time: number): void {
    const { clock, nodes } = this.#setup;
    this.#stop(node);
    const pause = PAUSES_MS[time];
    if (pause === undefined) return nodes.mute(node);
    const timer = clock.after(pause, () => this.#greet(node, time + 1));
    this.#waiting.set(node, timer);
    this.#tell(node, 1);
  }

  #stop(node: string): void {
    this.#waiting.get(node)?.cancel();
    this.#waiting.delete(node);
  }

  #tell(node: string, wantsAnswer: number): void {
    this.#setup
      .tell(
        node,
        oneItem(ItemKind["greeting"], (content) => content.number(wantsAnswer)),
      )
      .catch(() => {});
  }
}
