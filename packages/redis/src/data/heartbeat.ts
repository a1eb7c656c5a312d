import { encodeEnvelope, type SenderNumbers, type SenderTop } from "@upwire/cluster/envelope";
import { inGroups } from "../in-groups.ts";
import type { DataContext } from "./context.ts";

/** Heartbeats of one round trip. */
const TOPICS = 1000;
/** What is published longer ago than a receiver was cut off may have come late. Milliseconds. */
const MARGIN_MS = 2000;
const ASKS = /^repeat ([1-9][0-9]{0,15})$/;
const HAS_REPEATED = "repeated";

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
  /** Another node has asked, and is told when its question is answered. */
  #isAsked = false;

  constructor(context: DataContext, all: readonly Numbered[], others: (topic: string, receivers: number) => number) {
    this.#context = context;
    this.#all = all;
    this.#others = others;
  }

  /** This node was cut off for `ms`: what it published meanwhile it repeats, and what others did they will. */
  wasAway(ms: number): void {
    const now = this.#context.clock.now();
    for (const { numbers } of this.#all) numbers.repeat(ms + MARGIN_MS, now);
    this.askFor(ms);
  }

  /** Asks the other nodes, once or again: a node that came back later than this one has not heard the first question. */
  askFor(ms: number): void {
    this.#askMs = Math.max(this.#askMs, Math.ceil(ms + MARGIN_MS));
  }

  /**
   * What came on the channel for it: the node `from` asks, or says that it has answered.
   * @returns `foreign` for what is neither.
   */
  heard(from: string, data: Uint8Array): "question" | "answer" | "foreign" {
    const text = Buffer.from(data).toString("latin1");
    if (text === HAS_REPEATED) return "answer";
    const ms = ASKS.exec(text)?.[1];
    if (ms === undefined) return "foreign";
    if (from === this.#context.node) return "question";
    const now = this.#context.clock.now();
    for (const { numbers } of this.#all) numbers.repeat(Number(ms), now);
    this.#isAsked = true;
    return "question";
  }

  /** To be called a few times a second, while Redis is there. */
  async tick(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      const isAsked = this.#isAsked;
      this.#isAsked = false;
      await this.#ask();
      let isDone = true;
      for (const numbered of this.#all) isDone = (await this.#repeat(numbered)) && isDone;
      if (isAsked && !(isDone && (await this.#tell(HAS_REPEATED)))) this.#isAsked = true;
    } finally {
      this.#isBusy = false;
    }
  }

  async #ask(): Promise<void> {
    const ms = this.#askMs;
    if (ms === 0) return;
    if ((await this.#tell(`repeat ${ms}`)) && this.#askMs === ms) this.#askMs = 0;
  }

  async #tell(text: string): Promise<boolean> {
    const { driver, names, node } = this.#context;
    const envelope = encodeEnvelope({ kind: "control", node, data: Buffer.from(text) });
    const [reply] = await driver.many([driver.publication(names.repeats, envelope)]);
    return typeof reply === "number";
  }

  /** @returns whether all have gone out. */
  async #repeat({ name, numbers }: Numbered): Promise<boolean> {
    const due = numbers.due(this.#context.clock.now());
    let isDone = true;
    for (const tops of inGroups(due, TOPICS)) isDone = (await this.#send(name, numbers, tops)) && isDone;
    return isDone;
  }

  async #send(node: string, numbers: SenderNumbers, tops: readonly SenderTop[]): Promise<boolean> {
    const { driver, names } = this.#context;
    const replies = await driver.many(tops.map((top) => driver.publication(names.channel(top.topic), encodeEnvelope({ kind: "tops", node, tops: [top] }))));
    for (const [at, top] of tops.entries()) {
      const reply = replies[at];
      if (typeof reply !== "number") continue;
      if (this.#others(top.topic, reply) === 0) numbers.rest(top.topic);
      else numbers.told(top);
    }
    return replies.every((reply) => typeof reply === "number");
  }
}
