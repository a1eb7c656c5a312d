import { randomBytes } from "node:crypto";
import type { BrokerData, BrokerPublication, HistoryBounds, PublishOptions, PublishResult } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import { promiseOf } from "@upwire/core/adapter";
import { isId, RealtimeError, type Position } from "@upwire/protocol";
import { isTellable } from "../told.ts";
import { unavailable } from "./deadline.ts";
import { OwnPublish } from "./own-publish.ts";
import type { TopicPublishOptions } from "./publish-options.ts";
import type { ReadyBroker } from "./ready-broker.ts";
import type { RepliesDue } from "./replies-due.ts";
import type { TopicConfig } from "./setup.ts";
import type { Topic } from "./topic.ts";
import { PendingPublishes } from "./pending-publishes.ts";

export interface PublishingSetup {
  readonly clock: Clock;
  readonly broker: ReadyBroker;
  readonly timeoutMs: number;
  readonly repliesDue: RepliesDue;
  readonly report: (error: unknown) => void;
  /** The topic of that name, if there is one here. */
  topic(name: string): Topic | undefined;
}

const CLUSTER: PublishResult = Object.freeze({ position: undefined, delivery: "cluster", repeated: false, others: undefined });
const LOCAL_ONLY: PublishResult = Object.freeze({ position: undefined, delivery: "local-only", repeated: false, others: undefined });

/** A broker in plain JavaScript may give anything. */
function isResult(given: unknown): given is PublishResult {
  if (typeof given !== "object" || given === null) return false;
  const { position } = given as Partial<PublishResult>;
  return position === undefined || (typeof position?.epoch === "string" && isId(position.offset));
}

/** What this node publishes. */
export class Publishing {
  readonly #setup: PublishingSetup;
  /** By it the node knows what comes from itself. */
  readonly #node: string = randomBytes(9).toString("base64url");
  #count = 0;
  readonly #pending: PendingPublishes;

  constructor(setup: PublishingSetup) {
    const { clock, timeoutMs } = setup;
    this.#setup = setup;
    const overdue = (own: OwnPublish): void =>
      this.#failed(own, new RealtimeError("unavailable", "the broker has not answered in time; it may be published all the same"));
    this.#pending = new PendingPublishes({ clock, timeoutMs, overdue });
  }

  /** Rejects with a RealtimeError, or with a TypeError for a restriction on a topic with history. */
  publish(name: string, config: TopicConfig, data: BrokerData, options: TopicPublishOptions): Promise<PublishResult> {
    const { history } = config;
    if (history !== undefined && (options.except !== undefined || options.conflate !== undefined)) {
      return Promise.reject(new TypeError("publish: except and conflate are for topics without history; in a history they would leave holes"));
    }
    const own = new OwnPublish(name, data, options);
    if (history === undefined && options.key === undefined) {
      // The members here do not wait for the broker, and are sent nothing when the broker gives it back.
      this.#deliver(own, undefined);
      if (this.#setup.broker.isAlone) return Promise.resolve(CLUSTER);
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
    const own = this.#pending.find(origin);
    if (position === undefined) {
      if (own !== undefined && own.topic === topic) this.#deliver(own, undefined);
      return true;
    }
    if (own !== undefined) this.#reply(own, position);
    return false;
  }

  stop(): void {
    for (const own of this.#pending.stop()) this.#failed(own, new RealtimeError("unavailable", "the server has closed its topics"));
  }

  #give(own: OwnPublish, history: HistoryBounds | undefined): void {
    const { key, keyMs, keyOwner, onPosition } = own.options;
    const given: { -readonly [Name in keyof PublishOptions]: PublishOptions[Name] } = {};
    if (history !== undefined) given.history = history;
    if (key !== undefined) given.key = key;
    if (keyMs !== undefined) given.keyMs = keyMs;
    if (keyOwner !== undefined) given.keyOwner = keyOwner;
    // With history, and no publisher to be told first, it is a publication like any other.
    if (history === undefined || onPosition !== undefined) given.origin = own.origin = `${this.#node}${(this.#count++).toString(36)}`;
    this.#pending.add(own);
    if (onPosition !== undefined) this.#expectReply(own);
    let answer: Promise<unknown> | undefined;
    try {
      answer = promiseOf(this.#setup.broker.publish(own.topic, own.data, given));
    } catch (error) {
      return this.#failed(own, error);
    }
    if (answer === undefined) return this.#failed(own, new TypeError("publish of the broker gave no promise"));
    answer.then(
      (result) => (isResult(result) ? this.#answered(own, result) : this.#failed(own, new TypeError("publish of the broker gave no result"))),
      (error: unknown) => this.#failed(own, error),
    );
  }

  #expectReply(own: OwnPublish): void {
    const { publisher } = own.options;
    if (publisher === undefined || own.isTold) return;
    const { epoch, top: after } = this.#setup.topic(own.topic) ?? { epoch: "", top: 0 };
    own.due = { topic: own.topic, connection: publisher, epoch, after };
    this.#setup.repliesDue.add(own.due);
  }

  #answered(own: OwnPublish, result: PublishResult): void {
    this.#pending.settle(own);
    if (result.position === undefined && !result.repeated) this.#deliver(own, undefined);
    else this.#reply(own, result.position);
    own.resolve(result);
  }

  #failed(own: OwnPublish, error: unknown): void {
    if (!this.#pending.settle(own)) return;
    if (!isTellable(error)) this.#setup.report(error);
    // It was seen: only the answer is lacking.
    if (own.position !== undefined) return own.resolve({ ...CLUSTER, position: own.position });
    const hasKey = own.options.key !== undefined;
    // With a key it was the broker that gave it back.
    if (own.isDelivered) return own.resolve(hasKey ? CLUSTER : LOCAL_ONLY);
    // If it takes effect all the same, the members here still have to get it.
    if (hasKey) this.#pending.rememberOverdue(own);
    // From here on there is nothing to confirm.
    own.isTold = true;
    own.reject(unavailable(error));
    // The publisher is answered some microtasks later; what it has published all the same comes after that.
    setImmediate(() => this.#release(own));
  }

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
