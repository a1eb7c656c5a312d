import type { Wire } from "./wire.ts";

type Frame = Readonly<Record<string, unknown>>;

/**
 * A client that always reads, has room for everything and is there before all others. What is published without history goes to
 * the members of a node and leaves no trace anywhere else: what this one gets, in its order, is what there was to get.
 */
export class Witness {
  readonly #wire: Wire;
  readonly #saw: (topic: string, text: string) => void;
  #missing: number;

  constructor(wire: Wire, topics: readonly string[], saw: (topic: string, text: string) => void) {
    this.#wire = wire;
    this.#saw = saw;
    this.#missing = topics.length;
    for (const [at, topic] of topics.entries()) wire.send(JSON.stringify({ type: "upwire.subscribe", id: at + 1, topic }));
  }

  /** It is subscribed to everything. */
  get isReady(): boolean {
    return this.#missing === 0;
  }

  pump(): void {
    for (const text of this.#wire.take()) {
      const { re, topic, type, error } = JSON.parse(text) as Frame;
      if (error !== undefined) throw new Error(`the witness was told ${JSON.stringify(error)}`);
      if (re !== undefined) this.#missing--;
      else if (topic !== undefined && type === "message") this.#saw(String(topic), text);
    }
    if (this.#wire.closedWith !== undefined) throw new Error(`the witness was closed with ${this.#wire.closedWith}`);
  }
}
