import type { HandOver } from "./hand-over.ts";
import type { Inheritance } from "./home.ts";
import type { Peer } from "./peer.ts";

/**
 * What this node was given by a home that closes, and whether it may go on from that. A home tells a second node to take its place only if it has
 * taken the first one for dead, and a node is taken for dead only if it stood still. So an heir that has not stood still is the only one.
 * One that has stood still goes on if the home says that it is the only one, and not if the home ends without saying so: another heir may
 * have given offsets of the same epochs meanwhile.
 */
export class Heirship {
  readonly #handOver: HandOver;
  /** The home that has just said that this node takes its place. */
  #promoter: Peer | undefined;
  /** The home that this node has the place of, until it is known that there is no other heir. */
  #giver: Peer | undefined;
  /** This node has stood still since it was given something. */
  #isDoubtful = false;

  constructor(handOver: HandOver) {
    this.#handOver = handOver;
  }

  /** It is not known whether the home before has told another node, too. */
  get isOpen(): boolean {
    return this.#giver !== undefined;
  }

  /** Whether this node, as the home, needs to hear from the peer before it applies anything. */
  isAwaited(peer: Peer): boolean {
    return !peer.hasMoved || peer === this.#giver;
  }

  /** This node has stood still. */
  late(): void {
    this.#isDoubtful = true;
    this.#handOver.late();
  }

  /** The home has said that this node takes its place: calls `elect`, which comes to `inherit` if that is so. */
  promoted(home: Peer, elect: () => void): void {
    this.#promoter = home;
    elect();
    this.#promoter = undefined;
    this.#handOver.forget(home);
  }

  /** This node becomes the home. @returns what it goes on from. @param before The home before, if it was another node. */
  inherit(before: Peer | undefined): Inheritance | undefined {
    const giver = (this.#giver = this.#promoter);
    const estate = this.#handOver.take(giver ?? before);
    this.#isDoubtful = estate?.isDoubtful === true;
    if (giver !== undefined || !this.#isDoubtful) return estate?.inheritance;
    // The home has ended without a word, and it may have told another node.
    estate?.inheritance.histories.close();
    return undefined;
  }

  /** Another node is the home. @param before The home before. */
  lose(before: Peer | undefined): void {
    this.#giver = undefined;
    if (before !== undefined) this.#handOver.forget(before);
  }

  /** The home has said that there is no other heir. @returns whether that was open. */
  confirmed(home: Peer): boolean {
    if (home !== this.#giver) return false;
    this.#giver = undefined;
    return true;
  }

  /** @returns whether this node must not go on from what the peer, which has died, had given it. */
  isLostWith(peer: Peer): boolean {
    return peer === this.#giver && this.#isDoubtful;
  }
}
