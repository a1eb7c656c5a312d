import type { Heard, Listener } from "../judge/log.ts";

/** One client, which listens to all topics. */
export interface Visitor {
  readonly id: string;
  /** Topics that it is subscribed to now. */
  readonly subscribed: number;
  close(): void;
}

/** The servers that there are. Each client begins with one of its own, and goes on to the next with each try. */
export class Addresses {
  ports: readonly number[];

  constructor(ports: readonly number[]) {
    this.ports = ports;
  }

  /** Gives one port after the other. */
  from(start: number): () => number {
    let at = start;
    return () => this.ports[at++ % this.ports.length] ?? 0;
  }
}

/** What the clients of this process hear, by client and topic. */
export class Notebook {
  readonly #heard = new Map<string, { readonly id: string; readonly topic: string; readonly heard: Heard[] }>();
  /** When anything was written down last. */
  lastAt = 0;

  write(id: string, topic: string, heard: Heard): void {
    this.lastAt = heard.at;
    this.#of(id, topic).push(heard);
  }

  /** A listener counts from here on, also when it never hears anything. */
  begin(id: string, topic: string): void {
    this.#of(id, topic);
  }

  get listeners(): readonly Listener[] {
    return [...this.#heard.values()];
  }

  #of(id: string, topic: string): Heard[] {
    const key = `${id} ${topic}`;
    const known = this.#heard.get(key) ?? { id, topic, heard: [] };
    this.#heard.set(key, known);
    return known.heard;
  }
}
