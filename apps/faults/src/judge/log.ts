/** What the publisher was told. `unanswered`: its process ended, or the round did, before it was told anything. */
export type Outcome = "acknowledged" | "local-only" | "rejected" | "unanswered";

/** One publish. Times are of `nowMs`. */
export interface Published {
  readonly topic: string;
  readonly publisher: string;
  /** The publisher's own count in this topic: from 1 on, without a hole. */
  readonly n: number;
  readonly at: number;
  readonly outcome: Outcome;
  /** What the acknowledgement said; topics without history have none. */
  readonly offset?: number;
}

/** What one client was told about one topic, in the order in which it was told. */
export type Heard =
  | { readonly kind: "message"; readonly at: number; readonly publisher: string; readonly n: number; readonly epoch?: string; readonly offset?: number }
  /** Something is missing here: a gap, or a new subscription that could not go on where the last one was. */
  | { readonly kind: "gap"; readonly at: number; readonly reason: string; readonly missed?: number };

/** One subscription of one client. It began before anything was published. */
export interface Listener {
  readonly id: string;
  readonly topic: string;
  readonly heard: readonly Heard[];
}

export interface Evidence {
  readonly published: readonly Published[];
  readonly listeners: readonly Listener[];
  /** When the fault began. */
  readonly hurtAt: number;
  /** When the last fault was over: before that a gap cannot be told. */
  readonly healedAt: number;
}
