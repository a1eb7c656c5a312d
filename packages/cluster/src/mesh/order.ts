import type { BatchReader } from "./batch-reader.ts";
import { messages } from "./frames.ts";
import type { Link } from "./link.ts";
import type { Peer } from "./peer.ts";

/**
 * The order of the nodes by their ranks, and which node goes on in the place of which other one. Of that the heir tells the others, and so does the
 * home that goes, over different links: what the heir says counts once the home has said it too, or has ended. Otherwise an heir that
 * is heard first looks like one that follows a dead home, and what the home has still written comes after what its heir writes.
 */
export class Order {
  /** The place of this node. `Infinity`: it has none yet. */
  rank: number = Infinity;
  /** The node that handed its place over to this one. */
  heirOf: string | undefined;
  readonly #node: string;
  readonly #peers: ReadonlyMap<string, Peer>;
  /** By the name of an heir: the home that has not said so yet. */
  readonly #awaited = new Map<string, Peer>();

  constructor(node: string, peers: ReadonlyMap<string, Peer>) {
    this.#node = node;
    this.#peers = peers;
  }

  /** The node with the lowest rank: this one or another. */
  oldest(): string {
    let [rank, node] = [this.rank, this.#node];
    for (const peer of this.#peers.values())
      if (peer.isAlive && (peer.rank < rank || (peer.rank === rank && peer.node < node))) [rank, node] = [peer.rank, peer.node];
    return node;
  }

  /** Takes another place. */
  take(rank: number): void {
    this.rank = rank;
    this.heirOf = undefined;
  }

  /** Tells the peer the rank of this node. */
  write(link: Link): void {
    const writer = link.writer()?.begin(messages.rank).number(this.rank);
    if (this.heirOf !== undefined) writer?.text(this.heirOf);
    writer?.end();
    link.wrote();
  }

  /** Reads what `write` of the peer wrote. */
  read(peer: Peer, reader: BatchReader): void {
    const rank = reader.number();
    this.said(peer, rank, reader.hasMore ? reader.text() : undefined);
  }

  /** @param heirOf The node whose place it has, as it says. */
  said(peer: Peer, rank: number, heirOf: string | undefined): void {
    if (heirOf === undefined) this.#set(peer, rank);
    else this.#claim(peer, rank, heirOf);
  }

  /** `home` says that `heir` has its place from now on. */
  moved(home: Peer, heir: string, rank: number): void {
    const awaited = this.#awaited.get(home.node);
    leave(home);
    const peer = this.#peers.get(heir);
    if (heir === this.#node) {
      // What has come to this node has left all homes before.
      if (awaited !== undefined) leave(awaited);
      this.rank = rank;
      this.heirOf = home.node;
    } else if (peer?.heirOf !== home.node && peer?.hasMoved === false) this.#claim(peer, rank, home.node);
    this.ended(home);
  }

  /** `home` has said all that it had to say. */
  ended(home: Peer): void {
    // It may be an heir itself, and the home before it has not said so yet.
    const before = this.#awaited.get(home.node);
    for (const [node, awaited] of this.#awaited) {
      if (awaited !== home) continue;
      if (before === undefined) this.#awaited.delete(node);
      else this.#awaited.set(node, before);
      const heir = this.#peers.get(node);
      if (before === undefined && heir?.claim !== undefined) this.#set(heir, heir.claim);
    }
  }

  #set(peer: Peer, rank: number): void {
    peer.claim = undefined;
    if (!peer.hasMoved) peer.rank = rank;
  }

  /** `peer` has the place of `before`, as it says or that one. */
  #claim(peer: Peer, rank: number, before: string): void {
    // The home may have handed over to one that has handed over since.
    const home = this.#awaited.get(before) ?? this.#peers.get(before);
    peer.heirOf = before;
    if (home === undefined || !home.isAlive || home.hasMoved) return this.#set(peer, rank);
    peer.claim = rank;
    this.#awaited.set(peer.node, home);
  }
}

function leave(home: Peer): void {
  home.hasMoved = true;
  home.rank = Infinity;
}
