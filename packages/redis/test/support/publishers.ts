import { history, type TestNode } from "./test-node.ts";

interface Acknowledged {
  readonly topic: string;
  readonly epoch: string;
  readonly offset: number;
  readonly text: string;
}

/** What was acknowledged, and where it stands. */
export class Ledger {
  readonly #all = new Map<string, Acknowledged>();
  /** Positions that two publications were acknowledged with. */
  readonly twice: string[] = [];

  note(one: Acknowledged): void {
    const place = `${one.topic} ${one.epoch} ${one.offset}`;
    const earlier = this.#all.get(place);
    if (earlier !== undefined && earlier.text !== one.text) this.twice.push(`${place}: ${earlier.text}, ${one.text}`);
    this.#all.set(place, one);
  }

  /** Tells whether so many more have been acknowledged since this call. */
  more(count: number): () => boolean {
    const wanted = this.#all.size + count;
    return () => this.#all.size >= wanted;
  }

  of(topic: string, epoch: string): readonly Acknowledged[] {
    return [...this.#all.values()].filter((one) => one.topic === topic && one.epoch === epoch);
  }
}

export interface PublisherOptions {
  readonly name: string;
  readonly atOnce: number;
  readonly ledger: Ledger;
}

/** Publishes numbered texts to a topic with history; those with even numbers have keys, and are tried until they are acknowledged. */
export class Publisher {
  readonly #node: TestNode;
  readonly #topic: string;
  readonly #options: PublisherOptions;
  #isRunning = true;

  constructor(node: TestNode, topic: string, options: PublisherOptions) {
    this.#node = node;
    this.#topic = topic;
    this.#options = options;
  }

  stop(): void {
    this.#isRunning = false;
  }

  async run(): Promise<void> {
    const { name, atOnce } = this.#options;
    let number = 0;
    const line = async (): Promise<void> => {
      while (this.#isRunning) {
        const text = `${name}${this.#topic} ${++number}`;
        if (number % 2 === 1) await this.#publish(text, {});
        else while (!(await this.#publish(text, { key: text })));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, line));
  }

  /** @returns whether it was acknowledged. */
  async #publish(text: string, options: { readonly key?: string }): Promise<boolean> {
    try {
      const { position } = await this.#node.broker.publish(this.#topic, text, { history, ...options });
      if (position !== undefined) this.#options.ledger.note({ topic: this.#topic, ...position, text });
      return true;
    } catch {
      await this.#node.whenUp();
      return false;
    }
  }
}
