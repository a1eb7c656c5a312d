import type { Hello, Refused } from "./hello.ts";
import type { Order } from "./order.ts";
import type { Peer } from "./peer.ts";

interface AdmissionOptions {
  readonly app: string;
  readonly node: string;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly order: Order;
  readonly isClosing: () => boolean;
}

/**
 * Which nodes are let in. One that was taken for dead may have been the home, and another node is the home since then: it is let in
 * again behind the others, with a higher rank. If two nodes have taken each other for dead, the one that is with fewer nodes yields.
 */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** What this node says to another one. */
  hello(to: string): Hello {
    const { app, node, peers, order } = this.#options;
    const peer = peers.get(to);
    const received = peer?.link.hasMet === true ? peer.link.received : null;
    const { rank, heirOf } = order;
    const dead = peer?.deadRank;
    return { app, node, rank, received, size: this.#size(), ...(heirOf !== undefined && { heirOf }), ...(dead !== undefined && { dead }) };
  }

  /** Why the node that says this is not let in now. */
  judge({ node, rank, size, dead }: Hello): Refused | undefined {
    const peer = this.#options.peers.get(node);
    if (this.#options.isClosing()) return { reason: "closing" };
    // This node can be found a moment before it has a rank.
    if (peer?.link.isAttached === true || this.#options.order.rank === Infinity) return { reason: "busy" };
    if (peer?.deadRank === undefined || rank > peer.deadRank) return undefined;
    return dead === undefined || this.#prevailsOver(size, rank) ? { reason: "rank", dead: peer.deadRank } : undefined;
  }

  /** The node that says this has taken this one for dead: whether this one has to take a higher rank. */
  mustYield({ node, rank, size }: Hello): boolean {
    const isMutual = this.#options.peers.get(node)?.deadRank !== undefined;
    return !isMutual || !this.#prevailsOver(size, rank);
  }

  #prevailsOver(size: number, rank: number): boolean {
    const own = this.#size();
    return own === size ? this.#options.order.rank < rank : own > size;
  }

  #size(): number {
    return 1 + [...this.#options.peers.values()].filter(({ isAlive }) => isAlive).length;
  }
}
