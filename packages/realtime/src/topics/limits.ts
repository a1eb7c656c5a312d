/** Bounds of the topics of one node. Times are in milliseconds, sizes in bytes. */
export interface TopicLimits {
  /** Most publications that a resume brings; over it, the answer is `resumed: false`. */
  readonly replayMessages: number;
  /** The same in bytes. */
  readonly replayBytes: number;
  /** How long the broker may take to answer. What it cannot give by then is `unavailable`, or a gap. */
  readonly brokerTimeoutMs: number;
  /** How long `state` of a topic may take. */
  readonly stateTimeoutMs: number;
  /** How long a topic stays attached at the broker after its last member has left. */
  readonly lingerMs: number;
  /** Of more topics without members, the one whose last member left first does not stay attached any longer. */
  readonly lingeringTopics: number;
  /** Newest publications of one topic that are kept ready to send. */
  readonly cacheMessages: number;
  /** The same in bytes. */
  readonly cacheBytes: number;
  /** What is kept ready for all topics together. */
  readonly allCachesBytes: number;
  /** Publications of one topic that wait for an earlier one; further ones are read from the history later. */
  readonly heldMessages: number;
  /** The same in bytes. */
  readonly heldBytes: number;
}

export const defaultTopicLimits: TopicLimits = Object.freeze({
  replayMessages: 1000,
  replayBytes: 1024 * 1024,
  brokerTimeoutMs: 5000,
  stateTimeoutMs: 30_000,
  lingerMs: 5000,
  lingeringTopics: 1000,
  cacheMessages: 128,
  cacheBytes: 256 * 1024,
  allCachesBytes: 32 * 1024 * 1024,
  heldMessages: 1000,
  heldBytes: 1024 * 1024,
});
