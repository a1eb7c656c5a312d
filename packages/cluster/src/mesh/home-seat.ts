import type { Clock } from "@upwire/core";
import type { Position } from "@upwire/protocol";
import type { BrokerPublication } from "../broker/broker.ts";
import { MalformedFrame, type BatchReader } from "./batch-reader.ts";
import { HandOver } from "./hand-over.ts";
import { Heirship } from "./heirship.ts";
import { Home } from "./home.ts";
import { HomeDesk } from "./home-desk.ts";
import { HomeClient } from "./home-client.ts";
import { messages } from "./frames.ts";
import { isNumber, objectIn } from "./hello.ts";
import type { Mesh } from "./mesh.ts";
import type { Peer } from "./peer.ts";

/** How long a node that closes waits for the place that it was promised. Milliseconds. */
const MOVE_MS = 2000;
/** How long a home that closes waits until it is sure that it is one, at a time: longer than a node can be silent. Milliseconds. */
const DOUBT_MS = 10_000;
const LOOK_MS = 20;

export interface HomeSeatOptions {
  readonly mesh: Mesh;
  readonly clock: Clock;
  readonly node: string;
  readonly maxHistoryBytes: number | undefined;
  readonly maxQueueBytes: number;
  readonly message: (topic: string, publication: BrokerPublication) => void;
  readonly top: (topic: string, position: Position) => void;
  /** `isReachable` may have changed. */
  readonly changed: () => void;
}

/**
 * Which node is the home of the topics with history, and what follows from that here. The home is the node with the lowest rank, the one that
 * started first. One that closes hands all over to another node, which takes its rank. One that dies takes the histories with
 * it, and they begin anew, with other epochs, at the next one.
 *
 * A home whose process stood still may have been taken for dead, and another node may be the home: it serves again only once every
 * other node has answered it, and one that took it for dead makes it take a new rank first. The same holds for what an heir was given, see
 * `apps/docs/internals/hand-over.md`.
 */
export class HomeSeat {
  readonly client: HomeClient;
  readonly #options: HomeSeatOptions;
  readonly #mesh: Mesh;
  readonly #handOver: HandOver;
  readonly #heirship: Heirship;
  #isStarted = false;
  #homeNode: string | undefined;
  /** The home, when it is another node. */
  #homePeer: Peer | undefined;
  /** When this node is the home. */
  #home: Home | undefined;
  /** This node may have been taken for dead. */
  #isUnsure = false;
  #doubts = 0;
  /** How often this node has become the home. */
  #terms = 0;
  /** The home has handed everything over. */
  #isFrozen = false;
  /** The home does not take itself for the home. */
  #isRefused = false;
  /** Called when the home has changed. */
  #seated: () => void = () => {};
  readonly #desk = new HomeDesk(() => this.#serving());

  constructor(options: HomeSeatOptions) {
    this.#options = options;
    this.#mesh = options.mesh;
    this.#handOver = new HandOver({ ...options, settled: () => this.#awaitDoubts(), isSure: () => this.#isSure() });
    this.#heirship = new Heirship(this.#handOver);
    this.client = new HomeClient({
      clock: options.clock,
      self: options.node,
      // Asked again they wait for the new home all at once, beside what else waits for it.
      maxPendingBytes: options.maxQueueBytes / 2,
      own: () => this.#serving(),
      link: () => this.#homePeer?.link,
      message: options.message,
      top: options.top,
    });
  }

  /** What is asked is answered now. */
  get isReachable(): boolean {
    return this.#homePeer === undefined ? !this.#isUnsure : this.#homePeer.link.isAttached && !this.#isRefused;
  }

  start(): void {
    this.#isStarted = true;
    this.elect();
    this.#handOver.open();
  }

  /** Who is alive has changed, or a rank. */
  elect(): void {
    if (this.#isStarted && !this.#isFrozen) this.#seat();
  }

  /** This node may have been taken for dead: it does not serve before every other one has answered. */
  late(): void {
    this.#heirship.late();
    const doubt = ++this.#doubts;
    const silent = new Set(this.#mesh.alive());
    if (silent.size === 0) return;
    this.#isUnsure = true;
    this.#options.changed();
    for (const peer of silent) {
      peer.link.confirm(() => {
        if (!silent.delete(peer) || silent.size > 0 || doubt !== this.#doubts) return;
        this.#isUnsure = false;
        this.elect();
        this.#begin();
      });
    }
  }

  /** @returns whether this was a message of, or to, a home. */
  message(peer: Peer, kind: number, reader: BatchReader): boolean {
    if (kind === messages.notHome) {
      if (peer === this.#homePeer) this.#isRefused = true;
      this.#options.changed();
    } else if (kind === messages.home) {
      const term = reader.hasMore ? reader.number() : 0;
      const isAnother = peer.term !== term;
      peer.term = term;
      if (peer === this.#homePeer && (this.#isRefused || isAnother)) this.#askAgain();
    } else if (kind === messages.moved) this.#moved(peer, reader.text());
    else if (kind === messages.onlyHeir) {
      if (this.#heirship.confirmed(peer)) this.#home?.left(peer.node);
    }
    // Who asks a home that has handed over hears so from it, and asks its heir.
    else if (!this.#isFrozen && this.#desk.message(peer, kind, reader)) return true;
    else return this.client.message(kind, reader) || this.#handOver.message(peer, kind, reader);
    return true;
  }

  /** What was on its way to the peer is lost. */
  refill(peer: Peer): void {
    if (this.#serving() !== undefined) this.#tellTerm(peer);
    this.#handOver.tellMove(peer);
    if (peer === this.#homePeer) this.#askAgain();
  }

  /** What was on its way from the peer is lost. */
  restarted(peer: Peer): void {
    this.#home?.restarted(peer.node);
    if (peer === this.#homePeer) this.#askAgain();
  }

  died(peer: Peer): void {
    // After a standstill this may be the first that is heard.
    this.#isSure();
    if (this.#heirship.isLostWith(peer)) this.#resign();
    this.#heirship.confirmed(peer);
    this.#home?.left(peer.node);
    this.#handOver.died(peer);
    this.#desk.died(peer);
  }

  forgotten(peer: Peer): void {
    this.#home?.forget(peer.node);
    this.#handOver.forget(peer);
  }

  flushed(): void {
    this.#home?.flushed();
  }

  tick(): void {
    this.client.tick();
    if (this.#isRefused) this.#askAgain();
  }

  /** If this node is the home, another one takes its place. */
  async handOver(): Promise<void> {
    this.#handOver.isClosing = true;
    if (this.#handOver.has(this.#homePeer)) await this.#awaitMove();
    await this.#awaitDoubts();
    if (this.#home === undefined || !this.#isSure() || this.#heirship.isOpen) return;
    this.#isFrozen = true;
    this.#mesh.flush();
    await this.#handOver.pass(this.#home.save());
  }

  close(): void {
    this.#isFrozen = true;
    this.client.close();
    this.#home?.close();
    this.#home = undefined;
  }

  #seat(): void {
    const { node, clock, maxHistoryBytes } = this.#options;
    const homeNode = this.#mesh.order.oldest();
    if (homeNode === this.#homeNode) return;
    const [before, beforePeer] = [this.#homeNode, this.#homePeer];
    this.#homeNode = homeNode;
    this.#homePeer = this.#mesh.peers.get(homeNode);
    this.#isRefused = false;
    this.#home?.close();
    this.#home = undefined;
    // What it had of this node's publishes, and has not answered, the next one knows.
    const isMoved = beforePeer?.hasMoved === true || this.#homePeer?.heirOf === before;
    if (homeNode !== node) this.#heirship.lose(beforePeer);
    else {
      const options = {
        clock,
        self: node,
        maxBytes: maxHistoryBytes,
        link: (name: string) => this.#mesh.peers.get(name)?.link,
        entry: (topic: string, publication: BrokerPublication) => this.client.entry(topic, publication),
        answered: this.client.answered.bind(this.client),
        due: () => this.#mesh.due(),
        isSure: () => this.#isSure(),
      };
      this.#terms++;
      const inheritance = this.#heirship.inherit(beforePeer);
      const awaited = [...this.#mesh.alive()].filter((peer) => this.#heirship.isAwaited(peer)).map((peer) => peer.node);
      this.#home = new Home({ ...options, inheritance, awaited });
    }
    if (before !== undefined && before !== node && !isMoved) this.client.rejectPublishes();
    this.#begin();
    this.#seated();
  }

  /** Serves, or asks the one that does. */
  #begin(): void {
    if (this.#serving() !== undefined) for (const peer of this.#mesh.alive()) this.#tellTerm(peer);
    this.#mesh.due();
    this.#askAgain();
  }

  #tellTerm({ link }: Peer): void {
    link.writer()?.begin(messages.home).number(this.#terms).end();
    link.wrote();
  }

  #askAgain(): void {
    this.#isRefused = false;
    this.client.askAgain();
    this.#options.changed();
  }

  /** The home, if this node is it and may serve now. */
  #serving(): Home | undefined {
    return this.#home === undefined || this.#isFrozen || !this.#isSure() ? undefined : this.#home;
  }

  #isSure(): boolean {
    if (!this.#isUnsure && !this.#mesh.isInTime) this.late();
    return !this.#isUnsure;
  }

  /** This node does not know whether it is the only heir: it takes a place behind the others, and the histories begin anew. */
  #resign(): void {
    this.#homeNode = undefined;
    this.client.rejectPublishes();
    this.#mesh.yield();
  }

  /** The others answer in moments, or are taken for dead. */
  async #awaitDoubts(): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + DOUBT_MS;
    while (this.#home !== undefined && (!this.#isSure() || this.#heirship.isOpen) && clock.now() < end)
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }

  /** The home that closes has just made this node its heir. */
  #awaitMove(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(MOVE_MS, resolve);
      this.#seated = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #moved(from: Peer, text: string): void {
    const { heir, rank } = movedIn(text);
    // A home may come back to an heir that it had given up.
    if (from.hasMoved && (heir !== this.#options.node || !this.#handOver.has(from))) return;
    this.#mesh.order.moved(from, heir, rank);
    if (heir !== this.#options.node) return this.elect();
    this.#heirship.promoted(from, () => this.elect());
    this.#mesh.tellRank();
  }
}

function movedIn(text: string): { readonly heir: string; readonly rank: number } {
  const { heir, rank } = objectIn(text);
  if (typeof heir !== "string" || !isNumber(rank)) throw new MalformedFrame("a move is malformed");
  return { heir, rank };
}
