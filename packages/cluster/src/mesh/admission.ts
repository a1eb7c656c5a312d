import type { Hello, Refused } from "./hello.ts";
import type { Peer } from "./peer.ts";

interface AdmissionOptions {
  readonly app: string;
  readonly node: string;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly rank: () => number;
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
    const { app, node, peers, rank } = this.#options;
    const peer = peers.get(to);
    const received = peer?.link.hasMet === true ? peer.link.received : null;
    return { app, node, rank: rank(), received, size: this.#size(), ...(peer?.deadRank !== undefined && { dead: peer.deadRank }) };
  }

  /** Why the node that says this is not let in now. */
  judge({ node, rank, size, dead }: Hello): Refused | undefined {
    const peer = this.#options.peers.get(node);
    if (this.#options.isClosing()) return { reason: "closing" };
    if (peer?.link.isAttached === true) return { reason: "busy" };
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
    return own === size ? this.#options.rank() < rank : own > size;
  }

  #size(): number {
    return 1 + [...this.#options.peers.values()].filter(({ isAlive }) => isAlive).length;
  }
}
