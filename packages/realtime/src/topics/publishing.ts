import { randomBytes } from "node:crypto";
import type { BrokerData, BrokerPublication, HistoryBounds, PublishOptions, PublishResult } from "@upwire/cluster/broker";
import type { Clock, Connection } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import { RealtimeError, type Position } from "@upwire/protocol";
import { unavailable } from "./ask.ts";
import { OwnPublish } from "./own-publish.ts";
import type { Restriction } from "./publication.ts";
import type { ReadyBroker } from "./ready-broker.ts";
import type { RepliesDue } from "./replies-due.ts";
import type { TopicConfig } from "./setup.ts";
import type { Topic } from "./topic.ts";

/** How something is published. */
export interface TopicPublishOptions extends Restriction {
  /** Idempotency key, scoped by user already: within `keyMs` a second publish with it publishes nothing. */
  readonly key?: string | undefined;
  /** Milliseconds. */
  readonly keyMs?: number | undefined;
  /** Whose publish it is: that connection gets the publication after `onPosition`, whatever way it takes. */
  readonly publisher?: Connection | undefined;
  /** Called once, before the publication is queued to anybody here: queues the reply. Not called when the publish is rejected. */
  readonly onPosition?: ((position: Position | undefined) => void) | undefined;
}

export interface PublishingSetup {
  readonly clock: Clock;
  readonly broker: ReadyBroker;
  readonly timeoutMs: number;
  readonly repliesDue: RepliesDue;
  readonly report: (error: unknown) => void;
  /** The topic of that name, if there is one here. */
  topic(name: string): Topic | undefined;
}

const ALONE: PublishResult = Object.freeze({ position: undefined, delivery: "cluster", repeated: false });
const LOCAL_ONLY: PublishResult = Object.freeze({ position: undefined, delivery: "local-only", repeated: false });

/** What this node publishes. */
export class Publishing {
  readonly #setup: PublishingSetup;
  /** By it the node knows what comes from itself. */
  readonly #node: string = randomBytes(9).toString("base64url");
  #count = 0;
  /** Those that the broker has not answered, by their `origin`, the oldest first. */
  readonly #own = new Map<string, OwnPublish>();
  #timer: Timer | undefined;

  constructor(setup: PublishingSetup) {
    this.#setup = setup;
  }

  /** Rejects with a RealtimeError, or with a TypeError for a restriction on a topic with history. */
  publish(name: string, config: TopicConfig, data: BrokerData, options: TopicPublishOptions): Promise<PublishResult> {
    const { history } = config;
    if (history !== undefined && (options.except !== undefined || options.conflate !== undefined)) {
      return Promise.reject(new TypeError("publish: except and conflate are for topics without history; in a history they would leave holes"));
    }
    const own = new OwnPublish({ topic: name, data, options, endMs: this.#setup.clock.now() + this.#setup.timeoutMs });
    if (history === undefined && options.key === undefined) {
      // The members here do not wait for the broker, and are sent nothing when the broker gives it back.
      this.#deliver(own, undefined);
      if (this.#setup.broker.isAlone) return Promise.resolve(ALONE);
    }
    this.#give(own, history);
    return own.settled;
  }

  /**
   * What the broker tells of a publication that may be ours.
   * @returns whether the members here get it in another way, or have it.
   */
  told(topic: string, { origin, position }: BrokerPublication): boolean {
    if (origin === undefined || !origin.startsWith(this.#node)) return false;
    const own = this.#own.get(origin);
    if (position === undefined) {
      if (own !== undefined && own.topic === topic) this.#deliver(own, undefined);
      return true;
    }
    if (own !== undefined) this.#reply(own, position);
    return false;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const [origin, own] of this.#own) this.#failed(origin, own, new RealtimeError("unavailable", "the server has closed its topics"));
  }

  #give(own: OwnPublish, history: HistoryBounds | undefined): void {
    const { broker, clock, timeoutMs, repliesDue } = this.#setup;
    const { topic: name, data, options } = own;
    const { publisher, key, keyMs } = options;
    const origin = `${this.#node}${(this.#count++).toString(36)}`;
    this.#own.set(origin, own);
    this.#timer ??= clock.after(timeoutMs, this.#expire);
    if (publisher !== undefined && !own.isTold) {
      const { epoch, top: after } = this.#setup.topic(name) ?? { epoch: "", top: 0 };
      repliesDue.add((own.due = { topic: name, connection: publisher, epoch, after }));
    }
    const given: { -readonly [Name in keyof PublishOptions]: PublishOptions[Name] } = { origin };
    if (history !== undefined) given.history = history;
    if (key !== undefined) given.key = key;
    if (keyMs !== undefined) given.keyMs = keyMs;
    publishTo(broker, name, data, given).then(
      (result) => this.#answered(origin, own, result),
      (error: unknown) => this.#failed(origin, own, error),
    );
  }

  #answered(origin: string, own: OwnPublish, result: PublishResult): void {
    this.#own.delete(origin);
    if (result.position === undefined && !result.repeated) this.#deliver(own, undefined);
    else this.#reply(own, result.position);
    own.resolve(result);
  }

  #failed(origin: string, own: OwnPublish, error: unknown): void {
    if (!this.#own.delete(origin)) return;
    if (!(error instanceof RealtimeError)) this.#setup.report(error);
    // It was seen: only the answer is lacking.
    if (own.position !== undefined) return own.resolve({ position: own.position, delivery: "cluster", repeated: false });
    if (own.isDelivered) return own.resolve(LOCAL_ONLY);
    this.#release(own);
    own.reject(unavailable(error));
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    const now = this.#setup.clock.now();
    for (const [origin, own] of this.#own) {
      if (own.endMs > now) {
        this.#timer = this.#setup.clock.after(own.endMs - now, this.#expire);
        return;
      }
      this.#failed(origin, own, new RealtimeError("unavailable", "the broker has not answered in time; it may be published all the same"));
    }
  };

  /** To the members here, for a topic without history. */
  #deliver(own: OwnPublish, position: undefined): void {
    if (own.isDelivered) return;
    own.isDelivered = true;
    this.#reply(own, position);
    this.#setup.topic(own.topic)?.publish(own.data, own.options);
  }

  #reply(own: OwnPublish, position: Position | undefined): void {
    if (own.isTold) return;
    own.isTold = true;
    own.position = position;
    try {
      own.options.onPosition?.(position);
    } catch (error) {
      this.#setup.report(error);
    }
    this.#release(own);
  }

  /** Its publisher waits for no reply any more. */
  #release(own: OwnPublish): void {
    const { due } = own;
    if (due === undefined) return;
    own.due = undefined;
    this.#setup.repliesDue.delete(due);
    this.#setup.topic(due.topic)?.members.get(due.connection)?.phase?.wake();
  }
}

async function publishTo(broker: ReadyBroker, topic: string, data: BrokerData, options: PublishOptions): Promise<PublishResult> {
  return await broker.publish(topic, data, options);
}
