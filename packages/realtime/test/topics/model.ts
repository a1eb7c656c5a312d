import { isDeepStrictEqual } from "node:util";
import { Upgrader, type Connection, type SlowConsumerPolicy } from "@upwire/core";
import type { Position, RealtimeError, Since } from "@upwire/protocol";
import { openInMemory, sentTo, type TransportPeer } from "@upwire/testing";
import type { SubscribeResult } from "../../src/topics/opening.ts";
import type { TopicConfig } from "../../src/topics/setup.ts";
import type { Topics } from "../../src/topics/topics.ts";
import type { Truth } from "./truth.ts";

interface Reply {
  readonly epoch: string;
  readonly after: number;
  readonly offset: number;
  readonly resumed: boolean;
}

interface GapPayload {
  readonly after: number;
  readonly epoch: string;
  readonly offset: number;
  readonly reason: string;
}

interface Frame {
  readonly re?: { readonly id: number; readonly payload?: Reply };
  readonly published?: string;
  readonly type?: string;
  readonly offset?: number;
  readonly payload?: unknown;
}

export interface ModelSetup {
  readonly name: string;
  readonly truth: Truth;
  readonly topics: Topics;
  readonly config: TopicConfig;
  readonly policy: SlowConsumerPolicy;
}

/** A client of the topic `t` that does what the protocol says, and finds fault with everything that it was not promised. */
export class ModelClient {
  readonly setup: ModelSetup;
  readonly faults: string[] = [];
  readonly gaps: GapPayload[] = [];
  position: Position | undefined;
  #connection: Connection | undefined;
  #peer: TransportPeer | undefined;
  #seen = 0;
  #isSubscribed = false;
  /** The last subscribe or unsubscribe, and the last one that was answered. */
  #asked = 0;
  #answered = 0;
  #since: Since | undefined;
  /** Its own publications that are not confirmed. */
  readonly #unconfirmed = new Set<string>();

  constructor(setup: ModelSetup) {
    this.setup = setup;
  }

  get isConnected(): boolean {
    return this.#connection?.isOpen === true;
  }

  get peer(): TransportPeer | undefined {
    return this.#peer;
  }

  async connect(): Promise<void> {
    const { policy, topics } = this.setup;
    const upgrader = new Upgrader({ slowConsumer: policy, pingIntervalMs: 0, maxQueueBytes: 3000 });
    const { connection, peer } = await openInMemory(upgrader, { close: (one) => topics.closed(one) }, { highWaterMark: 500 });
    this.cut();
    this.#connection = connection;
    this.#peer = peer;
    this.#seen = 0;
    this.#isSubscribed = false;
  }

  subscribe(since: Since | undefined): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const id = ++this.#asked;
    this.#since = since;
    this.setup.topics.subscribe(connection, "t", this.setup.config, since, (result) => send(connection, { re: { id, payload: payloadOf(result) } }));
  }

  unsubscribe(): void {
    if (this.#connection === undefined) return;
    this.setup.topics.unsubscribe(this.#connection, "t");
    send(this.#connection, { re: { id: ++this.#asked } });
  }

  publish(data: string): void {
    const publisher = this.#connection;
    if (publisher === undefined) return;
    this.#unconfirmed.add(data);
    const onPosition = (): void => send(publisher, { published: data });
    this.setup.topics.publish("t", this.setup.config, data, { publisher, onPosition }).catch(() => this.#unconfirmed.delete(data));
  }

  cut(): void {
    this.#peer?.destroy();
    this.read();
    this.#isSubscribed = false;
    // The answers to what was asked on this connection never come.
    this.#unconfirmed.clear();
  }

  /** Reads what has come. */
  read(): void {
    if (this.#peer === undefined) return;
    const { written } = this.#peer;
    for (const text of sentTo({ written: written.slice(this.#seen) })) if (text.startsWith("text ")) this.#take(text.slice(5));
    this.#seen = written.length;
  }

  #take(text: string): void {
    const { re, published, type, offset, payload } = JSON.parse(text) as Frame;
    const check = (isRight: boolean, what: string): void =>
      void (isRight || this.faults.push(`${this.setup.name} at ${this.position?.offset} gets ${text}: ${what}`));
    if (published !== undefined) this.#unconfirmed.delete(published);
    if (re !== undefined && re.id === this.#asked) this.#takeReply(re.payload, check);
    // What comes before the answer belongs to a subscription that was replaced, and is repeated.
    if (type === undefined || this.#answered !== this.#asked) return;
    const { position } = this;
    check(this.#isSubscribed && position !== undefined, "it is not subscribed");
    if (position === undefined) return;
    if (type === "upwire.gap") this.#takeGap(payload as GapPayload, check);
    if (offset !== position.offset + 1) return;
    this.position = { epoch: position.epoch, offset };
    const data = JSON.stringify({ type, payload });
    check(this.setup.truth.data("t", this.position) === data, "something else was published");
    check(!this.#unconfirmed.has(data), "its own publication, before the reply");
  }

  #takeReply(reply: Reply | undefined, check: (isRight: boolean, what: string) => void): void {
    this.#answered = this.#asked;
    this.#isSubscribed = reply !== undefined;
    if (reply === undefined) return;
    const since = this.#since;
    if (since !== undefined && "epoch" in since && reply.resumed)
      check(isDeepStrictEqual(since, { epoch: reply.epoch, offset: reply.after }), "it resumes elsewhere");
    if (since !== undefined && "epoch" in since && !reply.resumed)
      this.gaps.push({ after: since.offset, epoch: reply.epoch, offset: reply.after, reason: "not resumed" });
    check(reply.after <= reply.offset, "it begins above the top");
    this.position = { epoch: reply.epoch, offset: reply.after };
  }

  #takeGap(gap: GapPayload, check: (isRight: boolean, what: string) => void): void {
    check(gap.after === this.position?.offset, "not everything before the gap has come, or more");
    check(gap.reason === "restarted" || gap.offset > gap.after, "the gap holds nothing");
    this.gaps.push(gap);
    this.position = { epoch: gap.epoch, offset: gap.offset };
  }
}

function send(connection: Connection, frame: object): void {
  connection.send(JSON.stringify(frame), { mustArrive: true });
}

function payloadOf(result: SubscribeResult | RealtimeError): Reply | undefined {
  if ("code" in result || result.position === undefined) return undefined;
  const { position, after = 0, resumed } = result;
  return { ...position, after, resumed };
}
