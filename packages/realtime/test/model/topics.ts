import type { HistoryBounds } from "@upwire/cluster/broker";

/** A kind of topic that the model publishes to. */
export interface TopicKind {
  readonly pattern: string;
  readonly history: HistoryBounds | undefined;
  readonly hasState: boolean;
}

const KIB = 1024;

/** The longest resume that the server brings, in publications. */
export const REPLAY_MESSAGES = 40;

export const kinds = {
  wide: { pattern: "wide:{id}", history: { messages: 100, bytes: 1024 * KIB, ageMs: 300_000 }, hasState: false },
  narrow: { pattern: "narrow:{id}", history: { messages: 12, bytes: 1024 * KIB, ageMs: 20_000 }, hasState: false },
  small: { pattern: "small:{id}", history: { messages: 1000, bytes: 2 * KIB, ageMs: 300_000 }, hasState: true },
  state: { pattern: "state:{id}", history: { messages: 10, bytes: 1024 * KIB, ageMs: 60_000 }, hasState: true },
  plain: { pattern: "plain:{id}", history: undefined, hasState: false },
  shown: { pattern: "shown:{id}", history: undefined, hasState: true },
} as const satisfies Readonly<Record<string, TopicKind>>;

type KindName = keyof typeof kinds;

/** All topics of a run. */
export const topicNames: readonly string[] = ["wide:1", "wide:2", "narrow:1", "narrow:2", "small:1", "state:1", "plain:1", "shown:1"];

export function kindOf(topic: string): TopicKind {
  return kinds[topic.split(":", 1)[0] as KindName];
}
