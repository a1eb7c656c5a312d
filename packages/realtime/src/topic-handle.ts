import type { Connection } from "@upwire/core";
import { kinds, readOptions, type OptionKinds, type Slot } from "@upwire/core/adapter";
import { RealtimeError, SUBPROTOCOL, toWireError } from "@upwire/protocol";
import { encoded, eventFrame, sendOwn, sendSubscribed } from "./frames.ts";
import { scopedKey } from "./keys.ts";
import type { RealtimeLimits } from "./limits.ts";
import type { Lines } from "./lines.ts";
import { configOf } from "./topic-calls.ts";
import { subscribedText } from "./subscribed.ts";
import type { FoundTopic } from "./topic-table.ts";
import type { SubscribeResult } from "./topics/opening.ts";
import type { TopicPublishOptions } from "./topics/publish-options.ts";
import type { Topics } from "./topics/topics.ts";
import { validated } from "./validate.ts";

/** How the server publishes to a topic. */
export interface PublicationOptions {
  /** Published once, however often it is tried with this key, on whatever node: 1 to 64 characters, remembered for `limits.retryWindowMs`. */
  readonly key?: string;
  /** Not to these, which are connections of this node. Only on a topic without history, where it leaves no hole. */
  readonly except?: Connection | readonly Connection[];
  /**
   * A name for what this is the latest state of. While a client of this node is slow, a newer publication with the same `conflate` takes the
   * place of one that waits for it. Only on a topic without history.
   */
  readonly conflate?: string;
}

/** What became of a publish that was not rejected. */
export interface PublishedTo {
  /** Its place in the history; `undefined` for a topic without. */
  readonly offset: number | undefined;
  /** `cluster`: the broker has taken it over. `local-only`, only without history, while the broker is away: clients of other nodes may not get it, and are told a gap. */
  readonly delivery: "cluster" | "local-only";
}

const aKey = { right: "1 to 64 characters", fits: (value: unknown) => typeof value === "string" && value.length >= 1 && value.length <= 64 };
const publishKinds: OptionKinds<PublicationOptions> = { key: aKey, except: kinds.anything, conflate: kinds.text };

export interface TopicHandleSetup {
  readonly sessions: Pick<Slot<object>, "get">;
  readonly lines: Lines;
  readonly engine: Topics;
  readonly limits: RealtimeLimits;
}

/** One topic, as the application has it in its hands. It keeps nothing: two of one name are the same. */
export class TopicHandle<User> implements Iterable<Connection<User>> {
  /** The whole name. */
  readonly name: string;
  readonly #found: FoundTopic;
  readonly #setup: TopicHandleSetup;

  constructor(name: string, found: FoundTopic, setup: TopicHandleSetup) {
    this.name = name;
    this.#found = found;
    this.#setup = setup;
  }

  /** How many connections are subscribed on this node. */
  get size(): number {
    return this.#setup.engine.size(this.name);
  }

  /** They themselves, as they are when the loop begins. */
  *[Symbol.iterator](): Generator<Connection<User>, void, undefined> {
    yield* [...this.#setup.engine.members(this.name)] as Connection<User>[];
  }

  /** Publishes of one topic take effect in the order of the calls. */
  publish(event: string, payload: unknown, given?: PublicationOptions): Promise<PublishedTo> {
    return new Promise((resolve, reject) => {
      const { lines, limits } = this.#setup;
      const { key, except, conflate } = readOptions<PublicationOptions>("publish", given, publishKinds);
      const { kind } = this.#found;
      if (kind.history !== undefined && (except !== undefined || conflate !== undefined)) {
        throw new TypeError(`publish: except and conflate would leave holes in the history of ${this.name}; give the topic history: false, or leave them out`);
      }
      const schema = kind.schemaOf(event);
      const scoped = key === undefined ? undefined : scopedKey("server", key);
      const options = { key: scoped?.key, keyOwner: scoped?.owner, keyMs: limits.retryWindowMs, except, conflate };
      lines.run(this.name, () => validated(schema, payload), { done: (value) => resolve(this.#send(event, value, options)), failed: reject });
    });
  }

  async #send(event: string, value: unknown, options: TopicPublishOptions): Promise<PublishedTo> {
    const { engine } = this.#setup;
    const { position, delivery } = await engine.publish(this.name, configOf(this.name, this.#found), eventFrame(event, encoded(value)), options);
    return { offset: position?.offset, delivery };
  }

  /** The client need not ask, and `canSubscribe` is not asked. One that speaks `upwire.v1` is told. Nothing happens to one that is closed. */
  add(connection: Connection): Promise<void> {
    const { engine, sessions } = this.#setup;
    if (sessions.get(connection) === undefined) {
      return Promise.reject(new TypeError("add: this is no connection of this realtime; give one that onOpen or a function of it got"));
    }
    const config = configOf(this.name, this.#found);
    const isV1 = connection.subprotocol === SUBPROTOCOL;
    return new Promise((resolve, reject) => {
      const answer = (result: SubscribeResult | RealtimeError): void => {
        // It is closed, or a later subscribe, unsubscribe or `delete` counts: there is nothing left to do, and no fault to tell.
        if (result instanceof RealtimeError) return result.code === "cancelled" || result.code === "replaced" ? resolve() : reject(result);
        if (isV1) sendSubscribed(connection, this.name, subscribedText(result));
        resolve();
      };
      if (isV1) engine.join(connection, this.name, config, answer);
      else engine.add(connection, this.name, config, answer);
    });
  }

  /**
   * Takes a connection out; one that speaks `upwire.v1` is told, with `error` when there is one.
   * @returns whether it was subscribed.
   */
  delete(connection: Connection, error?: RealtimeError): boolean {
    const wasIn = this.#setup.engine.unsubscribe(connection, this.name);
    if (wasIn && connection.subprotocol === SUBPROTOCOL) {
      sendOwn(connection, { type: "upwire.unsubscribed", topic: this.name, ...(error && { error: toWireError(error) }) });
    }
    return wasIn;
  }
}
