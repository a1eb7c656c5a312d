import type { Timer } from "@upwire/core/adapter";
import type { Position } from "@upwire/protocol";
import { unavailable, withDeadline } from "./deadline.ts";
import type { ReadyBroker } from "./ready-broker.ts";
import type { TopicConfig, TopicSetup } from "./setup.ts";
import type { SubscribedTopic } from "./subscription.ts";
import { Topic } from "./topic.ts";

/** Before the broker is asked once more for a topic without history. Milliseconds. */
const AGAIN_MS = 1000;

interface Attachment {
  readonly topic: Topic;
  readonly config: TopicConfig;
  /** Until the broker answers, or while it is to be asked again. */
  cancel: (() => void) | undefined;
  /** Since its last member has left. */
  linger: Timer | undefined;
}

interface Leaving {
  readonly cancel: () => void;
  /** What waits for it. */
  next: (() => void) | undefined;
}

/**
 * The topics that this node follows at the broker: each from its first member on, until some time after its last one. A topic is
 * never attached before the end of its last attachment is answered: else a late end would end the new one.
 */
export class Attachments {
  readonly #setup: TopicSetup;
  readonly #broker: ReadyBroker;
  readonly #attachments = new Map<string, Attachment>();
  /** Those without members, the longest without first. */
  readonly #lingering = new Set<Attachment>();
  /** Topics whose attachment is being ended. */
  readonly #leaving = new Map<string, Leaving>();

  constructor(setup: TopicSetup, broker: ReadyBroker) {
    this.#setup = setup;
    this.#broker = broker;
  }

  get(name: string): Topic | undefined {
    return this.#attachments.get(name)?.topic;
  }

  /** The topic, for one more member. */
  open(name: string, config: TopicConfig): Topic {
    const known = this.#attachments.get(name);
    if (known !== undefined) {
      known.linger?.cancel();
      known.linger = undefined;
      this.#lingering.delete(known);
      return known.topic;
    }
    const attachment: Attachment = { topic: new Topic(this.#setup, name, config), config, cancel: undefined, linger: undefined };
    this.#attachments.set(name, attachment);
    const leaving = this.#leaving.get(name);
    if (leaving === undefined) this.#attach(attachment);
    else leaving.next = () => this.#attach(attachment);
    return attachment.topic;
  }

  /** A member has left. */
  left(topic: Pick<SubscribedTopic, "name" | "members">): void {
    const attachment = this.#attachments.get(topic.name);
    if (attachment?.topic !== topic || topic.members.size > 0 || attachment.linger !== undefined) return;
    const { clock, limits } = this.#setup;
    attachment.linger = clock.after(limits.lingerMs, () => this.#detach(attachment));
    this.#lingering.add(attachment);
    if (this.#lingering.size <= limits.lingeringTopics) return;
    for (const longest of this.#lingering) return this.#detach(longest);
  }

  topics(): Topic[] {
    return [...this.#attachments.values()].map(({ topic: one }) => one);
  }

  stop(): void {
    for (const { topic, cancel, linger } of this.#attachments.values()) {
      cancel?.();
      linger?.cancel();
      topic.stop();
    }
    for (const { cancel } of this.#leaving.values()) cancel();
    this.#attachments.clear();
    this.#lingering.clear();
    this.#leaving.clear();
  }

  #attach(attachment: Attachment): void {
    const { topic, config } = attachment;
    const { name } = topic;
    // It may have been given up while the end of the attachment before it was waited for.
    if (this.#attachments.get(name) !== attachment) return;
    const { clock, limits } = this.#setup;
    const call = async (): Promise<Position | undefined> => checked(await this.#broker.subscribe(name, config.history), topic);
    if (!topic.hasHistory && !topic.isAttached && this.#broker.isDown) topic.attached(undefined);
    attachment.cancel = withDeadline({ clock, timeoutMs: limits.brokerTimeoutMs, call }, (outcome) => {
      attachment.cancel = undefined;
      if ("value" in outcome) {
        // What other nodes have published meanwhile did not come.
        if (topic.isAttached) topic.gapTold();
        else topic.attached(outcome.value);
      } else if (topic.hasHistory) this.#fail(attachment, outcome.error);
      else this.#goOnAlone(attachment, outcome.error);
    });
  }

  /** Without history the members here need no broker to hear each other. It is asked again until it answers. */
  #goOnAlone(attachment: Attachment, error: unknown): void {
    const { topic } = attachment;
    const timer = this.#setup.clock.after(AGAIN_MS, () => this.#attach(attachment));
    attachment.cancel = () => timer.cancel();
    if (topic.isAttached) return;
    this.#setup.report(error);
    topic.attached(undefined);
  }

  #fail(attachment: Attachment, error: unknown): void {
    const { topic } = attachment;
    // Those whose answers subscribe again begin a new attachment.
    this.#detach(attachment);
    this.#setup.report(error);
    for (const subscription of topic.members.waiting()) this.#setup.end(subscription, unavailable(error));
  }

  #detach(attachment: Attachment): void {
    const { topic, cancel, linger } = attachment;
    const { name } = topic;
    cancel?.();
    linger?.cancel();
    this.#attachments.delete(name);
    this.#lingering.delete(attachment);
    topic.stop();
    const { clock, limits } = this.#setup;
    const end = withDeadline({ clock, timeoutMs: limits.brokerTimeoutMs, call: () => this.#broker.unsubscribe(name) }, () => {
      this.#leaving.delete(name);
      leaving.next?.();
    });
    const leaving: Leaving = { cancel: end, next: undefined };
    this.#leaving.set(name, leaving);
  }
}

function checked(position: Position | undefined, { name, hasHistory }: Topic): Position | undefined {
  if ((position !== undefined) === hasHistory) return position;
  throw new TypeError(`the broker gave ${hasHistory ? "no position" : "a position"} for ${JSON.stringify(name)}`);
}
