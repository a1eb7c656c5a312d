import { encodeEnvelope, type SenderNumbers, type SenderTop } from "@upwire/cluster/envelope";
import type { DataContext } from "./context.ts";

/** Heartbeats of one round trip. */
const TOPICS = 1000;
/** What is published longer ago than a receiver was cut off may have come late. Milliseconds. */
const MARGIN_MS = 2000;
const ASKS = /^repeat ([1-9][0-9]{0,15})$/;

/** Numbers of this node under one name. */
export interface Numbered {
  readonly name: string;
  readonly numbers: SenderNumbers;
}

/**
 * Repeats the newest numbers of what this node published without history, on the channels of their topics; and asks the other nodes for
 * the same when this one was cut off.
 */
export class Heartbeat {
  readonly #context: DataContext;
  readonly #all: readonly Numbered[];
  readonly #others: (topic: string, receivers: number) => number;
  #isBusy = false;
  /** How long this node was cut off, when the others have to be asked. Milliseconds. */
  #askMs = 0;

  constructor(context: DataContext, all: readonly Numbered[], others: (topic: string, receivers: number) => number) {
    this.#context = context;
    this.#all = all;
    this.#others = others;
  }

  /** This node was cut off for `ms`: what it published meanwhile it repeats, and what others did they will. */
  wasAway(ms: number): void {
    const now = this.#context.clock.now();
    for (const { numbers } of this.#all) numbers.repeat(ms + MARGIN_MS, now);
    this.#askMs = Math.max(this.#askMs, Math.ceil(ms + MARGIN_MS));
  }

  /** What another node asks on the channel for it. @returns whether it is that. */
  asked(node: string, data: Uint8Array): boolean {
    const ms = ASKS.exec(Buffer.from(data).toString("latin1"))?.[1];
    if (ms === undefined) return false;
    if (node === this.#context.node) return true;
    const now = this.#context.clock.now();
    for (const { numbers } of this.#all) numbers.repeat(Number(ms), now);
    return true;
  }

  /** To be called a few times a second, while Redis is there. */
  async tick(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await this.#ask();
      for (const numbered of this.#all) await this.#repeat(numbered);
    } finally {
      this.#isBusy = false;
    }
  }

  async #ask(): Promise<void> {
    const ms = this.#askMs;
    if (ms === 0) return;
    const { driver, names, node } = this.#context;
    const question = encodeEnvelope({ kind: "control", node, data: Buffer.from(`repeat ${ms}`) });
    const [reply] = await driver.many([driver.publication(names.repeats, question)]);
    if (!(reply instanceof Error) && this.#askMs === ms) this.#askMs = 0;
  }

  async #repeat({ name, numbers }: Numbered): Promise<void> {
    const due = numbers.due(this.#context.clock.now());
    for (let from = 0; from < due.length; from += TOPICS) await this.#send(name, numbers, due.slice(from, from + TOPICS));
  }

  async #send(node: string, numbers: SenderNumbers, tops: readonly SenderTop[]): Promise<void> {
    const { driver, names } = this.#context;
    const replies = await driver.many(tops.map((top) => driver.publication(names.channel(top.topic), encodeEnvelope({ kind: "tops", node, tops: [top] }))));
    for (const [at, top] of tops.entries()) {
      const reply = replies[at];
      if (typeof reply !== "number") continue;
      if (this.#others(top.topic, reply) === 0) numbers.rest(top.topic);
      else numbers.told(top);
    }
  }
}
