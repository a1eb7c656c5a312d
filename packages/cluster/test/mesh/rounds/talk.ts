/** What the conductor tells a node of a round. */
export type Order =
  | { readonly do: "start"; readonly index: number; readonly folder: string; readonly topics: number; readonly perSecond: number }
  | { readonly do: "publish" }
  | { readonly do: "rest" }
  | { readonly do: "report" }
  | { readonly do: "close" };

/** What a node tells the conductor. */
export type Word =
  | { readonly say: "up"; readonly node: string }
  /** Publications that were acknowledged: topic, number. */
  | {
      readonly say: "acknowledged";
      readonly kept: readonly (readonly [topic: number, number: number])[];
      readonly plain: readonly (readonly [topic: number, number: number])[];
    }
  | ({ readonly say: "report" } & Report)
  | { readonly say: "closed" }
  | { readonly say: "failed"; readonly why: string };

export interface Report {
  /** For each topic with history: the publisher and number of each publication, in the order in which they came. */
  readonly kept: readonly (readonly string[])[];
  /** The same of each topic without history. */
  readonly plain: readonly (readonly string[])[];
  /** For each topic without history: the gaps that were told, each with how many publications had come before. */
  readonly gaps: readonly (readonly number[])[];
  /** For each topic with history: how many publications had come each time when it began anew. */
  readonly anew: readonly (readonly number[])[];
  /** Publishes that were rejected as unavailable. */
  readonly rejected: number;
  readonly localOnly: number;
  /** Publishes that have no answer. */
  readonly waiting: number;
  readonly nodes: readonly string[];
  readonly heapBytes: number;
}
