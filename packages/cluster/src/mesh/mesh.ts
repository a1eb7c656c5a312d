import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import { Admission } from "./admission.ts";
import type { BatchReader } from "./batch-reader.ts";
import type { MeshEvents, Peer } from "./peer.ts";
import { messages } from "./frames.ts";
import { Flushes } from "./flushes.ts";
import type { Hello } from "./hello.ts";
import { Link } from "./link.ts";
import type { Wires } from "./wires.ts";
import { machineTime } from "./machine-time.ts";
import { Meeting } from "./meeting.ts";
import { Order } from "./order.ts";

/** How often each node says that it lives, and looks for others. Milliseconds. */
const TICK_MS = 1000;
/** A node that has been silent for so many ticks is taken for dead. */
const DEAD_TICKS = 4;
/** A node that finds its own ticks so late may have been taken for dead: less than the others wait. Milliseconds. */
const LATE_MS = 2500;
/** What is known of a node that fell silent is kept so long: it may come back. Milliseconds. */
const REMEMBER_MS = 300_000;
/** A node that could not be met is tried again after so long. Milliseconds. */
const RETRY_MS = 50;
/** So often at the start. */
const MAX_TRIES = 80;
/** How long the last bytes of a node that closes may take. Milliseconds. */
const END_MS = 3000;

export interface MeshOptions {
  readonly folder: string;
  readonly app: string;
  readonly node: string;
  readonly clock: Clock;
  readonly maxQueueBytes: number;
  readonly events: MeshEvents;
}

/** The other nodes: who they are, who is alive, the link to each, and the order in which they started. */
export class Mesh {
  readonly peers: Map<string, Peer> = new Map();
  readonly #options: MeshOptions;
  readonly #events: MeshEvents;
  readonly #meeting: Meeting;
  readonly #retries = new Map<string, Timer>();
  #ticks: Timer | undefined;
  #tickedAt = 0;
  #hasTurned = true;
  readonly #flushes: Flushes;
  readonly #admission: Admission;
  readonly order: Order;
  #isClosing = false;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#flushes = new Flushes(this.peers, options.events);
    const { folder, app, node } = options;
    this.order = new Order(node, this.peers);
    this.#admission = new Admission({ app, node, peers: this.peers, order: this.order, isClosing: () => this.#isClosing });
    this.#meeting = new Meeting({
      folder,
      app,
      node,
      events: {
        hello: (to) => this.#admission.hello(to),
        judge: (hello) => this.#admission.judge(hello),
        met: (hello, wires) => this.#met(hello, wires),
        rankAbove: (dead) => this.#rankAbove(dead),
        heed: (hello) => {
          if (hello.dead !== undefined && this.#admission.mustYield(hello)) this.#rankAbove(hello.dead);
        },
        gone: (name) => this.#gone(name),
        silent: (name) => this.#silent(name),
        later: (name) => this.#later(name),
        foreign: (error) => this.#events.foreign(error),
      },
    });
  }

  /** Its ticks come in time. */
  get isInTime(): boolean {
    return this.#options.clock.now() - this.#tickedAt < LATE_MS;
  }

  /**
   * Fulfils once every node that was there is met, or this one is closed meanwhile. The rank is taken after this node can be found and before it looks for others: thus
   * a node knows each one with a lower rank.
   */
  async start(): Promise<void> {
    if (this.#isClosing) return;
    await this.#meeting.open();
    if (this.#isClosing) return;
    this.order.take(machineTime());
    this.#tickedAt = this.#options.clock.now();
    this.#ticks = this.#options.clock.every(TICK_MS, () => this.#tick());
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const unmet = (await this.#meeting.others()).filter((node) => !this.#isKnown(node));
      if (unmet.length === 0 || this.#isClosing) break;
      await Promise.all(unmet.map((node) => this.#meeting.meet(node)));
      if (unmet.some((node) => !this.#isKnown(node))) await new Promise<void>((resolve) => void this.#options.clock.after(RETRY_MS, resolve));
    }
    const synced = [...this.alive()].map((peer) => new Promise((resolve) => peer.link.confirm(resolve)));
    await Promise.all(synced);
  }

  *alive(): Generator<Peer> {
    for (const peer of this.peers.values()) if (peer.isAlive) yield peer;
  }

  /** Tells the others the place of this node. */
  tellRank(): void {
    for (const { link } of this.alive()) this.order.write(link);
  }

  /** Writes what waits at the end of this turn of the event loop. */
  due(): void {
    this.#flushes.due();
  }

  flush(): void {
    this.#flushes.flush();
  }

  /** Lets no node in any more. Its socket stays: one that looks for it is not to take it for ended. */
  refuse(): void {
    this.#isClosing = true;
  }

  /** No node can come any more. */
  async hide(): Promise<void> {
    this.#isClosing = true;
    await this.#meeting.hide();
  }

  /** Says goodbye, and ends all connections once everything has been written. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#ticks?.cancel();
    for (const timer of this.#retries.values()) timer.cancel();
    this.flush();
    const { clock } = this.#options;
    const ended = [...this.peers.values()].map(async ({ link }) => {
      link.signal(messages.bye);
      const timer = clock.after(END_MS, () => link.cut());
      await link.end();
      timer.cancel();
    });
    await Promise.all(ended);
    this.peers.clear();
    await this.#meeting.close();
  }

  /** The peer has said goodbye. */
  left(peer: Peer): void {
    this.#meeting.ignore(peer.node);
    this.#remove(peer);
    void peer.link.end();
  }

  #met({ node, rank, heirOf, received }: Hello, wires: Wires): void {
    const peer = this.peers.get(node) ?? this.#peer(node);
    this.order.said(peer, rank, heirOf);
    peer.isAlive = true;
    peer.deadRank = undefined;
    peer.link.attach(wires, received);
    this.#events.changed();
  }

  #peer(node: string): Peer {
    const link: Link = new Link(
      {
        batch: (reader) => this.#batch(peer, reader),
        refill: (received) => {
          // It may have changed since the hello.
          this.order.write(link);
          this.#events.refill(peer, received);
        },
        restarted: () => this.#events.restarted(peer),
        detached: () => this.#detached(peer),
        overfull: () => link.cut(),
        due: () => this.due(),
        foreign: (error) => this.#events.foreign(error),
      },
      this.#options,
    );
    const peer: Peer = {
      node,
      rank: Infinity,
      link,
      isAlive: false,
      deadRank: undefined,
      forgetAt: Infinity,
      hasMoved: false,
      heirOf: undefined,
      claim: undefined,
    };
    this.peers.set(node, peer);
    return peer;
  }

  #batch(peer: Peer, reader: BatchReader): void {
    for (let kind = reader.next(); kind !== undefined; kind = reader.next()) {
      if (kind === messages.ask) peer.link.askToAck();
      else if (kind === messages.bye) this.left(peer);
      else if (kind === messages.rank) {
        this.order.read(peer, reader);
        this.#events.changed();
      } else this.#events.message(peer, kind, reader);
    }
  }

  #detached(peer: Peer): void {
    if (this.peers.get(peer.node) !== peer || this.#isClosing) return;
    if (peer.isAlive) this.#events.changed();
    void this.#meeting.meet(peer.node);
  }

  #gone(node: string): void {
    const peer = this.peers.get(node);
    if (peer === undefined || peer.link.isAttached) return;
    this.#remove(peer);
  }

  #remove(peer: Peer): void {
    if (!this.peers.delete(peer.node)) return;
    this.#die(peer);
    this.#events.forgotten(peer);
  }

  #die(peer: Peer): void {
    const wasAlive = peer.isAlive;
    peer.isAlive = false;
    peer.link.drop();
    if (!wasAlive) return;
    this.order.ended(peer);
    this.#events.died(peer);
    this.#events.changed();
  }

  /** A node that was never met, and does not answer. */
  #silent(node: string): void {
    if (this.peers.has(node)) return;
    const peer = this.#peer(node);
    peer.deadRank = this.order.rank;
    peer.forgetAt = this.#options.clock.now() + REMEMBER_MS;
  }

  #later(node: string): void {
    if (this.#isClosing || this.#retries.has(node) || this.peers.get(node)?.link.isAttached === true) return;
    const retry = (): void => {
      this.#retries.delete(node);
      if (this.peers.get(node)?.link.isAttached !== true) void this.#meeting.meet(node);
    };
    this.#retries.set(node, this.#options.clock.after(RETRY_MS, retry));
  }

  #rankAbove(dead: number): void {
    if (this.order.rank > dead) return;
    this.order.take(Math.max(machineTime(), dead + 1));
    this.tellRank();
    this.#events.changed();
  }

  #isKnown(node: string): boolean {
    const peer = this.peers.get(node);
    return peer !== undefined && (peer.link.isAttached || !peer.isAlive);
  }

  #tick(): void {
    const now = this.#options.clock.now();
    if (now - this.#tickedAt >= LATE_MS) this.#events.late();
    this.#tickedAt = now;
    // A tick counts only if the sockets were looked at since the last one: after a standstill the answers lie there unread.
    if (!this.#hasTurned) return;
    this.#hasTurned = false;
    setImmediate(() => void (this.#hasTurned = true));
    this.#meeting.tick();
    for (const peer of this.peers.values()) {
      if (peer.isAlive && ++peer.link.missed >= DEAD_TICKS) {
        peer.deadRank = peer.rank;
        peer.forgetAt = now + REMEMBER_MS;
        this.#die(peer);
        peer.link.cut();
        void this.#meeting.meet(peer.node);
      } else if (!peer.isAlive && now >= peer.forgetAt) this.#remove(peer);
      else peer.link.beat();
    }
    this.#events.tick();
    void this.#look();
  }

  async #look(): Promise<void> {
    const nodes = await this.#meeting.others().catch(() => []);
    for (const node of nodes) if (this.peers.get(node)?.link.isAttached !== true) void this.#meeting.meet(node);
  }
}
