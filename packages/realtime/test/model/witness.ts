import type { Wire } from "./wire.ts";

interface WitnessFrame {
  readonly re?: number;
  readonly topic?: string;
  readonly type?: string;
  readonly error?: unknown;
}

/**
 * A client that always reads, has room for everything and is there before all others. What is published without history goes to
 * the members of a node and leaves no trace anywhere else: what this one gets, in its order, is what there was to get.
 */
export class Witness {
  readonly #wire: Wire;
  readonly #saw: (topic: string, text: string | undefined) => void;
  /** Topics that it is not subscribed to yet, by the id of the subscribe. */
  readonly #asked = new Map<number, string>();
  #nextId = 1;

  /** @param saw Gets each publication, and `undefined` where some are missing. */
  constructor(wire: Wire, topics: readonly string[], saw: (topic: string, text: string | undefined) => void) {
    this.#wire = wire;
    this.#saw = saw;
    for (const topic of topics) this.#ask(topic);
  }

  /** It is subscribed to everything. */
  get isReady(): boolean {
    return this.#asked.size === 0;
  }

  pump(): void {
    for (const text of this.#wire.take()) {
      const { re, topic, type, error } = JSON.parse(text) as WitnessFrame;
      if (re !== undefined) this.#answered(re, { isRefused: error !== undefined });
      else if (topic !== undefined && type === "message") this.#saw(topic, text);
      else if (topic !== undefined && type === "upwire.gap") this.#saw(topic, undefined);
    }
    if (this.#wire.closedWith !== undefined) throw new Error(`the witness was closed with ${this.#wire.closedWith}`);
  }

  #ask(topic: string): void {
    const id = this.#nextId++;
    this.#asked.set(id, topic);
    this.#wire.send(JSON.stringify({ type: "upwire.subscribe", id, topic }));
  }

  /** A hostile broker may refuse. */
  #answered(id: number, { isRefused }: { readonly isRefused: boolean }): void {
    const topic = this.#asked.get(id) as string;
    this.#asked.delete(id);
    if (isRefused) this.#ask(topic);
  }
}
