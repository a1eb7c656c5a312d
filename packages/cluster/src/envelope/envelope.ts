import type { Position } from "@upwire/protocol";
import type { BrokerData } from "../broker/broker.ts";

/** The version that this release writes, and the newest that it reads. apps/docs/reference/envelope.md describes it. */
export const ENVELOPE_VERSION = 1;

/** One publication inside an envelope. */
export interface EnvelopeItem {
  /** Text or bytes, as they were published. */
  readonly data: BrokerData;
  /** What its publisher gave, at most 64 characters. */
  readonly origin: string | undefined;
}

/** Publications of one topic. Its name does not stand in the envelope: the channel that brings it (of Redis, say) has it. */
export interface PublicationsEnvelope {
  readonly kind: "publications";
  /** The node that published them. */
  readonly node: string;
  /** The number of the first item among all that `node` published to this topic; the others count on. `undefined` with history. */
  readonly first: number | undefined;
  /** How long before the first item `node` published the number before it. Milliseconds. `undefined`: there is none that could be missing. */
  readonly earlierMs: number | undefined;
  /** The position of the first item; the others count on. `undefined` without history. */
  readonly position: Position | undefined;
  /** In which run of the server (from one start to the next) the position was given, for one that may restart with a shorter log: 1 to 32 characters of `[A-Za-z0-9_-]`. */
  readonly run?: string | undefined;
  /** So many numbers after those of the items were taken, and nothing was published under them. @default 0 */
  readonly skipped?: number | undefined;
  /** In the order in which they were published. */
  readonly items: readonly EnvelopeItem[];
}

/** The newest number that a node published to a topic without history. */
export interface SenderTop {
  readonly topic: string;
  /** Counted by that node from 1 on, for this topic. */
  readonly number: number;
  /** How long ago it was published. Milliseconds. */
  readonly ageMs: number;
}

/** The heartbeat of a node: by it a receiver sees that the last publication is missing. */
export interface TopsEnvelope {
  readonly kind: "tops";
  /** The node whose numbers they are. */
  readonly node: string;
  /** Of topics that it has published to lately. */
  readonly tops: readonly SenderTop[];
}

/** What a node tells other nodes, apart from publications. */
export interface ControlEnvelope {
  readonly kind: "control";
  /** The node that tells it. */
  readonly node: string;
  /** What it tells, for the layer above. */
  readonly data: Uint8Array;
}

/** An envelope of ours that this release cannot read: its version or its kind came later. Count it, and drop it. */
export interface NewerEnvelope {
  readonly kind: "newer";
  /** The oldest version that can read it. */
  readonly version: number;
}

/** What `decodeEnvelope` gives for bytes that are an envelope. */
export type Envelope = PublicationsEnvelope | TopsEnvelope | ControlEnvelope | NewerEnvelope;
