import type { BatchReader } from "./batch-reader.ts";
import type { Link } from "./link.ts";

/** Another node, as this one knows it. */
export interface Peer {
  readonly node: string;
  /** Its place in the order of the nodes. `Infinity`: it is leaving. */
  rank: number;
  readonly link: Link;
  /** It is connected, or was a moment ago. */
  isAlive: boolean;
  /** It was taken for dead, with a rank up to this. */
  deadRank: number | undefined;
  forgetAt: number;
  /** It was the home, and has handed everything over: it does not become one again. */
  hasMoved: boolean;
  /** The node whose place it has, or claims. */
  heirOf: string | undefined;
  /** Which of its times as the home it has told of last. */
  term: number;
  /** The rank that it has once that node has said so too. */
  claim: number | undefined;
}

export interface MeshEvents {
  message(peer: Peer, kind: number, reader: BatchReader): void;
  /** Write all that the peer must know. `received`: the number of the last batch that it had of this node. */
  refill(peer: Peer, received: number): void;
  /** What the peer had sent may be lost; it tells anew what must be known. */
  restarted(peer: Peer): void;
  /** Who is alive, a rank, or a connection has changed. */
  changed(): void;
  /** It is not alive any more. */
  died(peer: Peer): void;
  /** It does not come back. Follows `died`. */
  forgotten(peer: Peer): void;
  /** Before what waits is written, and after it; what is written in there goes out at once. */
  flushing(): void;
  flushed(): void;
  tick(): void;
  /** This node may have been taken for dead, since its process stood still. */
  late(): void;
  foreign(error: Error): void;
}
