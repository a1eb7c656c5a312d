import type { Clock } from "@upwire/core";
import type { Position } from "@upwire/protocol";
import type { BrokerPublication, HistoryBounds, HistoryPage } from "../broker/broker.ts";
import { Histories } from "../broker/histories.ts";
import { Gathering } from "./gathering.ts";
import type { Link } from "./link.ts";
import { messages } from "./frames.ts";
import { writeEntry, writePage, writePublished, type Published, type PublishRequest } from "./messages.ts";

/** What one home hands over to the next: the histories, and which publishes of each node it has applied. */
export interface SavedHome {
  readonly histories: Uint8Array;
  readonly publishers: readonly SavedPublisher[];
}

/** The same with the next one. */
export interface Inheritance {
  readonly histories: Histories;
  readonly publishers: readonly SavedPublisher[];
}

export interface SavedPublisher {
  readonly node: string;
  /** The number of the last publish that was applied. */
  readonly last: number;
  /** The answers that the node may not have. */
  readonly answers: readonly (readonly [number: number, published: Published])[];
}

interface Publisher {
  last: number;
  /** Answers to lower numbers are forgotten. */
  unanswered: number;
  readonly answers: Map<number, Published>;
}

interface Held {
  readonly request: PublishRequest;
  readonly unanswered: number;
}

export interface HomeOptions {
  readonly clock: Clock;
  readonly self: string;
  readonly maxBytes: number | undefined;
  readonly inheritance: Inheritance | undefined;
  /** The nodes that have to ask this home before it applies anything. */
  readonly awaited: Iterable<string>;
  /** The way to another node. */
  readonly link: (node: string) => Link | undefined;
  /** A publication for this node. */
  readonly entry: (topic: string, publication: BrokerPublication) => void;
  /** The answer to a publish of this node; `undefined`: it may have taken effect, or not. */
  readonly answered: (number: number, published: Published | undefined) => void;
  /** No other node can be the home. */
  readonly isSure: () => boolean;
  /** `flushed` is to be called. */
  readonly due: () => void;
}

/**
 * Has the histories of all topics, and serves all nodes: gives offsets, and passes each publication on to the nodes that have subscribed
 * its topic. It applies nothing before all nodes have subscribed again here. A publish is answered after a flush, so that the kernel has the publication for every subscriber that takes its
 * data: if this process ends then, what was answered is not lost to them. The answers are remembered until the publisher says
 * that it has them: what comes twice is applied once.
 */
export class Home {
  readonly #options: HomeOptions;
  readonly #histories: Histories;
  /** The nodes that have subscribed a topic, with the number by which each knows it. */
  readonly #members = new Map<string, Map<string, number>>();
  readonly #topics = new Map<string, Map<number, string>>();
  readonly #publishers = new Map<string, Publisher>();
  readonly #gathering: Gathering;
  /** Publishes that wait for the other nodes, by the node that has published. */
  readonly #held = new Map<string, Held[]>();
  #answers: { readonly node: string; readonly number: number; readonly published: Published }[] = [];

  constructor(options: HomeOptions) {
    this.#options = options;
    const { clock, maxBytes, inheritance, awaited } = options;
    this.#gathering = new Gathering(awaited);
    this.#histories = inheritance?.histories ?? new Histories({ clock, maxBytes });
    for (const { node, last, answers } of inheritance?.publishers ?? [])
      this.#publishers.set(node, { last, unanswered: answers[0]?.[0] ?? last, answers: new Map(answers) });
  }

  /** @param unanswered The number of the first publish that the node has no answer to. */
  publish(node: string, request: PublishRequest, unanswered: number): void {
    if (this.#gathering.isOver) return this.#publish(node, request, unanswered);
    const held = this.#held.get(node);
    if (held === undefined) this.#held.set(node, [{ request, unanswered }]);
    else held.push({ request, unanswered });
  }

  /** The node asks everything again that has no answer, beginning with so many subscriptions. */
  asks(node: string, subscriptions: number): void {
    this.#held.delete(node);
    this.#gathering.asks(node, subscriptions);
    this.proceed();
  }

  /** Goes on if all nodes have asked: call it after what may have been the last of it. */
  proceed(): void {
    if (!this.#gathering.isOver || this.#held.size === 0) return;
    const held = [...this.#held];
    this.#held.clear();
    for (const [node, publishes] of held) for (const { request, unanswered } of publishes) this.#publish(node, request, unanswered);
  }

  #publish(node: string, request: PublishRequest, unanswered: number): void {
    let publisher = this.#publishers.get(node);
    if (publisher === undefined) this.#publishers.set(node, (publisher = { last: 0, unanswered, answers: new Map() }));
    forgetAnswers(publisher, unanswered);
    const { number } = request;
    if (number <= publisher.last) {
      const published = publisher.answers.get(number);
      if (published !== undefined) this.#answer(node, number, published);
      return;
    }
    publisher.last = number;
    const published = this.#apply(node, request);
    publisher.answers.set(number, published);
    if (node === this.#options.self && published.others === 0) this.#options.answered(number, published);
    else this.#answer(node, number, published);
  }

  subscribe(node: string, number: number, topic: string, bounds: HistoryBounds): Position {
    const position = this.#histories.subscribe(topic, bounds);
    let members = this.#members.get(topic);
    if (members === undefined) this.#members.set(topic, (members = new Map()));
    members.set(node, number);
    let topics = this.#topics.get(node);
    if (topics === undefined) this.#topics.set(node, (topics = new Map()));
    topics.set(number, topic);
    this.#gathering.subscribed(node);
    return position;
  }

  unsubscribe(node: string, number: number): void {
    const topics = this.#topics.get(node);
    const topic = topics?.get(number);
    if (topic === undefined) return;
    topics?.delete(number);
    const members = this.#members.get(topic);
    if (members?.get(node) !== number) return;
    members.delete(node);
    if (members.size > 0) return;
    this.#members.delete(topic);
    this.#histories.unsubscribe(topic);
  }

  page(topic: string, after: number, limit: number): HistoryPage {
    return this.#histories.page(topic, after, limit);
  }

  /** For another node. */
  sendPage(link: Link, number: number, topic: string, after: number, limit: number): void {
    const writer = link.writer();
    if (writer === undefined) return;
    writePage(writer, number, this.page(topic, after, limit));
    link.wrote();
  }

  /** For another node. */
  sendPosition(link: Link, number: number, { epoch, offset }: Position): void {
    link.writer()?.begin(messages.subscribed).number(number).text(epoch).number(offset).end();
    link.wrote();
  }

  /** What was on its way from the node is lost: it subscribes again. */
  restarted(node: string): void {
    this.#gathering.restarted(node);
    this.#leave(node);
  }

  /** The node has ended, or is cut off: it subscribes again if it comes back. */
  left(node: string): void {
    this.#leave(node);
    this.#gathering.gone(node);
    this.proceed();
  }

  #leave(node: string): void {
    for (const number of this.#topics.get(node)?.keys() ?? []) this.unsubscribe(node, number);
    this.#topics.delete(node);
  }

  /** The node does not come back. */
  forget(node: string): void {
    this.#publishers.delete(node);
  }

  /**
   * After the publications have been written: writes the answers. If this process stood still just before, the others may have taken it for
   * dead, and not read them any more: then the answers wait until this node is sure.
   */
  flushed(): void {
    const answers = this.#answers;
    if (answers.length === 0 || !this.#options.isSure()) return;
    this.#answers = [];
    for (const { node, number, published } of answers) {
      if (node === this.#options.self) {
        this.#options.answered(number, published);
        continue;
      }
      const link = this.#options.link(node);
      const writer = link?.writer();
      if (writer === undefined) continue;
      writePublished(writer, number, published);
      link?.wrote();
    }
  }

  save(): SavedHome {
    const publishers = [...this.#publishers].map(([node, { last, answers }]) => ({ node, last, answers: [...answers] }));
    return { histories: this.#histories.save(), publishers };
  }

  close(): void {
    this.#histories.close();
    for (const { node, number } of this.#answers.splice(0)) if (node === this.#options.self) this.#options.answered(number, undefined);
  }

  #apply(node: string, { topic, data, history, key, keyMs, keyOwner, origin }: PublishRequest): Published {
    const ofKey = { ...(key !== undefined && { key }), ...(keyMs !== undefined && { keyMs }), ...(keyOwner !== undefined && { keyOwner }) };
    const options = { ...(history !== undefined && { history }), ...ofKey };
    const { position, isRepeated } = this.#histories.publish(topic, data, options);
    if (position === undefined) return { others: 0, epoch: "", offset: 0, repeated: isRepeated };
    const others = isRepeated ? 0 : this.#pass(node, topic, { data, position, origin });
    return { others, ...position, repeated: isRepeated };
  }

  /** @returns how many other nodes it was handed to. */
  #pass(publisher: string, topic: string, publication: BrokerPublication & { readonly position: Position }): number {
    let others = 0;
    for (const [node, number] of this.#members.get(topic) ?? []) {
      if (node === this.#options.self) this.#options.entry(topic, publication);
      else {
        const link = this.#options.link(node);
        const writer = link?.writer();
        if (writer === undefined) continue;
        writeEntry(writer, number, publication.position.epoch, publication.position.offset, publication);
        if (link?.wrote() === undefined) continue;
      }
      if (node !== publisher) others++;
    }
    return others;
  }

  #answer(node: string, number: number, published: Published): void {
    this.#answers.push({ node, number, published });
    this.#options.due();
  }
}

/** Forgets the answers to numbers below `unanswered`. */
function forgetAnswers(publisher: Publisher, unanswered: number): void {
  const { answers } = publisher;
  // A step for each number, unless that is more than there are answers: to count up to what a peer writes may take for ever.
  if (unanswered - publisher.unanswered <= answers.size) while (publisher.unanswered < unanswered) answers.delete(publisher.unanswered++);
  else for (const number of answers.keys()) if (number < unanswered) answers.delete(number);
  publisher.unanswered = Math.max(publisher.unanswered, unanswered);
}
