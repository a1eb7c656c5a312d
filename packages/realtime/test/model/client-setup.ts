import type { SlowConsumerPolicy } from "@upwire/core";
import type { Counts, Journal } from "./journal.ts";
import type { Truth } from "./truth.ts";

export interface ClientSetup {
  readonly name: string;
  /** What its connections do when it is slow. */
  readonly policy: SlowConsumerPolicy;
  readonly truth: Truth;
  readonly journal: Journal;
  readonly counts: Counts;
  readonly now: () => number;
  /** The broker loses nothing, keeps the order and never fails. */
  readonly isExact: boolean;
  readonly plant: Plant;
}

/** A message of upwire.v1. */
export type Frame = Readonly<Record<string, unknown>>;

/** What a planted fault sees of the client on whose connection it works. */
export interface PlantView {
  readonly client: string;
  /** The client reads. */
  readonly isTaking: boolean;
  /** How often it has stopped reading on this connection. */
  readonly pauses: number;
  readonly positionOf: (topic: string) => { readonly epoch: string; readonly offset: number } | undefined;
  readonly epochOf: (topic: string) => string | undefined;
  /** Kept for the planted fault, for each connection. */
  readonly notes: Map<string, unknown>;
}

/** A fault that is put into a run. Each part has none by default. */
export interface Plant {
  /** What the client gets in place of a message of the server. */
  readonly toClient?: (frame: Frame, view: PlantView) => readonly Frame[];
  /** What the server gets in place of a message of the client. */
  readonly toServer?: (frame: Frame, view: PlantView) => Frame;
  /** The client takes the top that the reply tells as its position. */
  readonly movesByReply?: boolean;
  /** The application shows a state that is older than it should be. */
  readonly showsOldState?: boolean;
}
