import type { Outcome } from "./judge/log.ts";

/** With history, and without. */
export const LOG = "log:{name}";
export const LIVE = "live:{name}";
export const EVENT = "said";

/** How many topics of each kind there are in a round. */
const TOPICS_OF_A_KIND = 2;

export type TopicKind = "log" | "live";

/** The topics of a round: names with their kinds. */
export const topics: readonly { readonly kind: TopicKind; readonly name: string; readonly topic: string }[] = (["log", "live"] as const).flatMap((kind) =>
  Array.from({ length: TOPICS_OF_A_KIND }, (_, index) => ({ kind, name: String(index), topic: `${kind}:${index}` })),
);

/** The payload of a message. */
export interface Said {
  readonly publisher: string;
  readonly n: number;
}

/** How a publisher publishes in each of its topics. */
export interface Pace {
  /** Between two turns. Milliseconds. */
  readonly everyMs: number;
  /** Messages in one turn, in each topic. */
  readonly perTurn: number;
  /** It pauses while so many of a topic are unanswered. */
  readonly window: number;
}

/** What a publisher writes down. `begun` comes before the publish itself, so that it is known also of a process that is killed. */
export type PublisherNote =
  | { readonly kind: "begun"; readonly topic: string; readonly publisher: string; readonly from: number; readonly to: number; readonly at: number }
  | { readonly kind: "settled"; readonly settled: readonly Settled[] };

export interface Settled {
  readonly topic: string;
  readonly publisher: string;
  readonly n: number;
  readonly outcome: Exclude<Outcome, "unanswered">;
  readonly offset?: number;
  /** The code or message of a rejection. */
  readonly why?: string;
}
