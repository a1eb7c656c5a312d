import type { Position } from "@upwire/protocol";
import type { Broker, BrokerData, BrokerSink, BrokerState, HistoryBounds, HistoryPage, PublishOptions, PublishResult, TellOptions } from "../broker/broker.ts";
import type { BrokerStats } from "../broker/broker-stats.ts";
import { byteLength } from "../broker/byte-length.ts";
import { checkHistory, checkPublish, checkSubscribe, checkTell, checkTopic } from "../broker/checks.ts";
import { closed, notStarted, startedTwice } from "../broker/errors.ts";
import { newNodeName } from "../broker/node-name.ts";
import type { BatchReader } from "./batch-reader.ts";
import { Deliveries } from "./deliveries.ts";
import { openFolder } from "./folder.ts";
import { messages } from "./frames.ts";
import { HomeSeat } from "./home-seat.ts";
import { Mesh } from "./mesh.ts";
import { readMeshOptions, type MeshBrokerOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { PlainTopics } from "./plain-topics.ts";
import { Tells } from "./tells.ts";

/**
 * The broker of the processes of one machine: each listens on a Unix socket in a folder, and is connected to each other one. It needs no
 * server. The histories are in the memory of the node that started first; when that one closes, another one takes them over.
 * @throws TypeError, RangeError for options that cannot be meant. `start` rejects with an Error for a folder that cannot be used.
 */
export function meshBroker(options: MeshBrokerOptions = {}): Broker {
  return new MeshBroker(options);
}

class MeshBroker implements Broker {
  readonly capabilities = Object.freeze({ history: "memory", reach: "machine" } as const);
  readonly node: string = newNodeName();
  readonly #folder: string;
  readonly #maxDataBytes: number;
  readonly #onError: (error: Error) => void;
  readonly #deliveries: Deliveries = new Deliveries();
  readonly #mesh: Mesh;
  readonly #plain: PlainTopics;
  readonly #tells: Tells;
  readonly #seat: HomeSeat;
  readonly #counts = { published: 0, rejected: 0, tells: 0, foreign: 0 };
  #isUp = false;
  #closing: Promise<void> | undefined;
  #state: BrokerState = "up";
  #nodes: readonly string[] = [];

  constructor(options: MeshBrokerOptions) {
    const { folder, name, maxQueueBytes, maxHistoryBytes, onError, clock } = readMeshOptions(options);
    this.#folder = folder;
    this.#maxDataBytes = maxQueueBytes / 4;
    this.#onError = onError;
    const { node } = this;
    this.#mesh = new Mesh({
      folder,
      app: name,
      node,
      clock,
      maxQueueBytes,
      events: {
        message: (peer, kind, reader) => this.#message(peer, kind, reader),
        refill: (peer, received) => this.#refill(peer, received),
        restarted: (peer) => this.#restarted(peer),
        changed: () => this.#changed(),
        died: (peer) => this.#seat.died(peer),
        forgotten: (peer) => this.#forgotten(peer),
        flushing: () => this.#plain.flushing(),
        flushed: () => this.#seat.flushed(),
        tick: () => this.#tick(),
        late: () => this.#seat.late(),
        foreign: (error) => this.#foreign(error),
      },
    });
    const deliveries = this.#deliveries;
    this.#tells = new Tells(clock);
    this.#plain = new PlainTopics({ clock, deliveries, alive: () => this.#mesh.alive(), due: () => this.#mesh.due() });
    this.#seat = new HomeSeat({
      mesh: this.#mesh,
      clock,
      node,
      maxHistoryBytes,
      maxQueueBytes,
      message: (topic, publication) => deliveries.message(topic, publication),
      top: (topic, position) => deliveries.call((sink) => sink.top(topic, position)),
      changed: () => this.#showState(),
    });
  }

  get stats(): BrokerStats {
    const { client } = this.#seat;
    const isClosed = this.#closing !== undefined;
    return {
      ...this.#counts,
      ...this.#deliveries.counts,
      reconnects: 0,
      subscriptions: isClosed ? 0 : this.#plain.size + client.size,
      queued: client.pending,
      queuedBytes: client.pendingBytes,
    };
  }

  async start(sink: BrokerSink): Promise<void> {
    if (this.#closing !== undefined) throw closed();
    if (this.#deliveries.hasSink) throw startedTwice();
    this.#deliveries.open(sink);
    await openFolder(this.#folder);
    if (this.#closing === undefined) await this.#mesh.start();
    if (this.#closing !== undefined) throw closed();
    this.#seat.start();
    this.#nodes = this.#alive();
    this.#isUp = true;
  }

  publish(topic: string, data: BrokerData, options: PublishOptions = {}): Promise<PublishResult> {
    const refusal = this.#isUp ? this.#refusal(topic, data, options) : this.#notUp();
    if (refusal !== undefined) {
      if (this.#closing !== undefined) this.#counts.rejected++;
      return Promise.reject(refusal);
    }
    if (options.history === undefined && options.key === undefined) return Promise.resolve(this.#publishPlain(topic, data, options.origin));
    return this.#publishByHome(topic, data, options);
  }

  async subscribe(topic: string, options: { readonly history?: HistoryBounds } = {}): Promise<Position | undefined> {
    this.#mustBeUp();
    checkSubscribe(topic, options);
    const { history } = options;
    if (history === undefined) {
      await this.#plain.subscribe(topic);
      return undefined;
    }
    return this.#seat.client.subscribe(topic, history);
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#mustBeUp();
    checkTopic(topic);
    if (!this.#plain.has(topic) && !this.#seat.client.has(topic)) return;
    this.#plain.unsubscribe(topic);
    this.#seat.client.unsubscribe(topic);
    await this.#plain.heard();
  }

  async history(topic: string, after: number, limit: number): Promise<HistoryPage> {
    this.#mustBeUp();
    checkHistory(topic, after, limit);
    return this.#seat.client.history(topic, after, limit);
  }

  state(): BrokerState {
    return this.#closing === undefined ? this.#state : "down";
  }

  nodes(): readonly string[] {
    return this.#nodes;
  }

  async tell(node: string | undefined, data: Uint8Array, options: TellOptions = {}): Promise<void> {
    this.#mustBeUp();
    checkTell(data, options);
    const { keepMs } = options;
    for (const peer of this.#mesh.peers.values()) {
      if (node === undefined || node === peer.node) this.#tells.tell(peer, data, keepMs);
    }
    this.#counts.tells++;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isUp = false;
    this.#nodes = [];
    this.#seat.client.close();
    this.#plain.close();
    await this.#seat.handOver();
    await this.#mesh.hide();
    await this.#mesh.close();
    this.#seat.close();
    this.#deliveries.close();
  }

  #publishPlain(topic: string, data: BrokerData, origin: string | undefined): PublishResult {
    this.#counts.published++;
    const { others, missed } = this.#plain.publish(topic, data, origin);
    if (this.#plain.has(topic)) this.#deliveries.message(topic, { data, position: undefined, origin });
    return { position: undefined, delivery: others === 0 && missed > 0 ? "local-only" : "cluster", repeated: false, others };
  }

  async #publishByHome(topic: string, data: BrokerData, options: PublishOptions): Promise<PublishResult> {
    try {
      const { others, epoch, offset, repeated } = await this.#seat.client.publish(topic, data, options);
      const position = options.history === undefined ? undefined : { epoch, offset };
      if (repeated) return { position, delivery: "cluster", repeated, others: undefined };
      if (position === undefined) return this.#publishPlain(topic, data, options.origin);
      this.#counts.published++;
      return { position, delivery: "cluster", repeated, others };
    } catch (error) {
      this.#counts.rejected++;
      throw error;
    }
  }

  #refusal(topic: string, data: BrokerData, options: PublishOptions): Error | undefined {
    try {
      checkPublish(topic, data, options);
    } catch (error) {
      return error as RangeError;
    }
    // A character is three bytes at most.
    if (data.length <= this.#maxDataBytes / 3) return undefined;
    const bytes = byteLength(data);
    return bytes <= this.#maxDataBytes
      ? undefined
      : new RangeError(`publish: ${bytes} bytes are not allowed; give at most ${this.#maxDataBytes}, a quarter of maxQueueBytes`);
  }

  #message(peer: Peer, kind: number, reader: BatchReader): void {
    if (this.#plain.message(peer, kind, reader)) return;
    if (kind === messages.tell) this.#deliveries.told(peer.node, reader.rawBytes().slice());
    else this.#seat.message(peer, kind, reader);
  }

  #refill(peer: Peer, received: number): void {
    this.#plain.refill(peer, received);
    this.#tells.refill(peer, received);
    this.#seat.refill(peer);
  }

  #restarted(peer: Peer): void {
    this.#plain.restarted(peer);
    this.#seat.restarted(peer);
  }

  #forgotten(peer: Peer): void {
    this.#plain.forget(peer);
    this.#tells.forget(peer);
    this.#seat.forgotten(peer);
  }

  #changed(): void {
    this.#seat.elect();
    this.#showState();
    if (!this.#isUp) return;
    const nodes = this.#alive();
    if (nodes.length === this.#nodes.length && nodes.every((node) => this.#nodes.includes(node))) return;
    this.#nodes = nodes;
    this.#deliveries.call((sink) => sink.nodes(nodes));
  }

  #alive(): readonly string[] {
    return Object.freeze([this.node, ...[...this.#mesh.alive()].map(({ node }) => node)]);
  }

  #showState(): void {
    const state = this.#seat.isReachable ? "up" : "degraded";
    if (state === this.#state || !this.#isUp) return;
    this.#state = state;
    this.#deliveries.call((sink) => sink.state(state));
  }

  #tick(): void {
    this.#tells.tick();
    this.#seat.tick();
  }

  #foreign(error: Error): void {
    this.#counts.foreign++;
    this.#onError(error);
  }

  #mustBeUp(): void {
    if (!this.#isUp) throw this.#notUp();
  }

  #notUp(): Error {
    return this.#closing === undefined ? notStarted() : closed();
  }
}
