import type { Clock } from "@upwire/core";
import { Histories } from "../broker/histories.ts";
import type { BatchReader } from "./batch-reader.ts";
import { MalformedFrame } from "./batch-reader.ts";
import type { Inheritance, SavedHome } from "./home.ts";
import { readPublishers } from "./saved-publishers.ts";
import type { Mesh } from "./mesh.ts";
import { messages } from "./frames.ts";
import type { Peer } from "./peer.ts";

/** One message of what is handed over. Bytes. */
const PART_BYTES = 512 * 1024;
/** How long the heir may take for each part: longer than a node that is silent is taken for alive. Milliseconds. */
const PART_MS = 5000;
/** How long a home that closes looks for an heir, at most. Milliseconds. */
const GIVE_MS = 20_000;
/** How long it waits between two looks. Milliseconds. */
const LOOK_MS = 20;

type Done = (outcome: { readonly isDone: boolean }) => void;

export interface HandOverOptions {
  readonly clock: Clock;
  readonly maxHistoryBytes: number | undefined;
  readonly mesh: Mesh;
  /** Fulfils once this node, which closes, is sure whether other nodes have taken it for dead, or that this takes too long. */
  readonly settled: () => Promise<void>;
  readonly isSure: () => boolean;
}

/** What a home has handed over to this node. */
export interface Estate {
  readonly inheritance: Inheritance;
  /** This node has stood still since it came: the home may have given this node up, and have handed over to another one. */
  isDoubtful: boolean;
}

interface Coming {
  readonly parts: Uint8Array[];
  whole?: Estate;
}

/** Passes the histories of a home that closes to another node, which says when it has them. */
export class HandOver {
  /** This node closes: it takes no place any more. */
  isClosing = false;
  readonly #options: HandOverOptions;
  /** What is coming from each peer. */
  readonly #coming = new Map<Peer, Coming>();
  /** Called when the peer has everything, or has died. */
  readonly #waiting = new Map<Peer, Done>();
  #isOpen = false;
  /** What all others are told: which node goes on. */
  #moved: string | undefined;
  #heir: Peer | undefined;
  /** The rank of this node as the home. A higher one says that it was taken for dead: it is not the home any more. */
  #rank = Infinity;
  /** How many nodes were told that they are the home. */
  #promoted = 0;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** This node can be the home from now on: says so to each that has handed everything over. */
  open(): void {
    this.#isOpen = true;
    for (const [peer, { whole }] of this.#coming) if (whole !== undefined) peer.link.signal(messages.inherited);
  }

  /**
   * Gives everything to another node, and tells the others once it knows that it is the home: none of them asks it before. Tries again, or
   * another one, as long as there is one, and as long as no node can have taken this one for dead: then the one that was told last
   * may have gone on, with what it has applied since.
   */
  async pass({ histories, publishers }: SavedHome): Promise<void> {
    const { clock, mesh } = this.#options;
    const json = Buffer.from(JSON.stringify(publishers));
    const bytes = Buffer.concat([json, histories]);
    const end = clock.now() + GIVE_MS;
    this.#rank = mesh.order.rank;
    while (clock.now() < end && !mesh.alive().next().done) {
      for (const heir of this.#heirs()) {
        const isGiven = await this.#give(bytes, json.length, heir);
        await this.#options.settled();
        if (!this.#isHome()) return;
        if (!isGiven) continue;
        if (!(await this.#promote(heir, end))) {
          this.#moved = undefined;
          continue;
        }
        if (!this.#isHome()) return;
        // A connection that is made now would not hear what follows.
        mesh.refuse();
        this.#heir = undefined;
        heir.link.signal(messages.onlyHeir);
        for (const peer of mesh.alive()) if (peer !== heir) this.tellMove(peer);
        return;
      }
      if (mesh.alive().next().done) return;
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    }
  }

  /** Tells the peer which node goes on, if that has been settled. */
  tellMove(peer: Peer): void {
    if (this.#moved === undefined || !this.#isHome() || (this.#heir !== undefined && this.#heir !== peer)) return;
    peer.link.writer()?.begin(messages.moved).text(this.#moved).end();
    peer.link.wrote();
  }

  /** @returns whether this was a message of a hand-over. */
  message(peer: Peer, kind: number, reader: BatchReader): boolean {
    if (kind === messages.inheritance) {
      if (reader.number() === 0) this.forget(peer);
      const coming = this.#coming.get(peer) ?? { parts: [] };
      // A copy: the frame that it came in is much longer than the last part.
      coming.parts.push(reader.rawBytes().slice());
      this.#coming.set(peer, coming);
    } else if (kind === messages.inherit) {
      if (this.isClosing) return true;
      const bytes = Buffer.concat(this.#coming.get(peer)?.parts ?? []);
      this.#coming.delete(peer);
      this.#coming.set(peer, { parts: [], whole: { inheritance: this.#read(bytes, reader.number()), isDoubtful: !this.#options.isSure() } });
      if (this.#isOpen) peer.link.signal(messages.inherited);
    } else if (kind === messages.inherited) this.#waiting.get(peer)?.({ isDone: true });
    else return false;
    return true;
  }

  /** The peer has handed everything over, and has not said yet that this node takes its place. */
  has(peer: Peer | undefined): boolean {
    return peer !== undefined && this.#coming.get(peer)?.whole !== undefined;
  }

  /** This node has stood still. */
  late(): void {
    for (const { whole } of this.#coming.values()) if (whole !== undefined) whole.isDoubtful = true;
  }

  /** What the peer has handed over, once. */
  take(peer: Peer | undefined): Estate | undefined {
    if (peer === undefined) return undefined;
    const whole = this.#coming.get(peer)?.whole;
    this.#coming.delete(peer);
    return whole;
  }

  /** The peer has died. */
  died(peer: Peer): void {
    this.#waiting.get(peer)?.({ isDone: false });
  }

  forget(peer: Peer): void {
    this.take(peer)?.inheritance.histories.close();
  }

  /**
   * The peers that could be the next home: first a peer that was heard lately, and among these the one that started first, which would be
   * the home if this node died now.
   */
  #heirs(): Peer[] {
    const attached = [...this.#options.mesh.alive()].filter(({ link }) => link.isAttached);
    const isSilent = ({ link }: Peer): number => (link.missed > 1 ? 1 : 0);
    return attached.toSorted((a, b) => isSilent(a) - isSilent(b) || a.rank - b.rank);
  }

  /** @returns whether the peer has it. */
  async #give(bytes: Buffer, publishers: number, peer: Peer): Promise<boolean> {
    const { link } = peer;
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      const part = bytes.subarray(at, at + PART_BYTES);
      link.writer()?.begin(messages.inheritance).number(at).rawBytes(part).end();
      link.wrote();
      const { isDone } = await this.#within((done) => link.confirm(({ isReached }) => done({ isDone: isReached })));
      if (!isDone) return false;
    }
    link.writer()?.begin(messages.inherit).number(publishers).end();
    link.wrote();
    const { isDone } = await this.#within((done) => {
      if (peer.isAlive) this.#waiting.set(peer, done);
      else done({ isDone: false });
    });
    this.#waiting.delete(peer);
    return isDone;
  }

  #isHome(): boolean {
    return this.#options.isSure() && this.#options.mesh.order.rank === this.#rank;
  }

  /**
   * Tells the heir that it is the home. Each one that is told has a lower rank than the one before: if that one lives after all, it yields.
   * @returns whether it knows; if not, it has died. If this node may have been taken for dead meanwhile: true, and it is not sure.
   */
  async #promote(heir: Peer, end: number): Promise<boolean> {
    const { clock } = this.#options;
    this.#moved = JSON.stringify({ heir: heir.node, rank: Math.max(0, this.#rank - this.#promoted++) });
    this.#heir = heir;
    this.tellMove(heir);
    while (heir.isAlive && clock.now() < end) {
      const { isDone } = await this.#within((done) => heir.link.confirm(({ isReached }) => done({ isDone: isReached })));
      await this.#options.settled();
      if (isDone || !this.#isHome()) return true;
      // It may have heard of it: as long as it lives no other one can be the heir.
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    }
    return heir.isAlive;
  }

  #read(bytes: Buffer, publishers: number): Inheritance {
    const { clock, maxHistoryBytes } = this.#options;
    try {
      const known = readPublishers(bytes.toString("utf8", 0, publishers));
      return { publishers: known, histories: new Histories({ clock, maxBytes: maxHistoryBytes, restore: bytes.subarray(publishers) }) };
    } catch (cause) {
      throw new MalformedFrame("an inheritance is malformed", { cause });
    }
  }

  #within(begin: (done: Done) => void): Promise<{ readonly isDone: boolean }> {
    return new Promise((resolve) => {
      // After a standstill the answer lies there unread: it is looked at before the timer counts.
      const timer = this.#options.clock.after(PART_MS, () => void setImmediate(() => resolve({ isDone: false })));
      begin((outcome) => {
        timer.cancel();
        resolve(outcome);
      });
    });
  }
}
