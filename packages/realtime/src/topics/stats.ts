/** What the topics of one node have done since its start. */
export interface TopicStats {
  /** Subscribes with `since` that lost nothing. */
  resumed: number;
  /** Subscribes with `since` of which a part was gone, or too much. */
  notResumed: number;
  /** How often a live subscription fell behind. */
  lagged: number;
  /** Gaps that clients were told. */
  gaps: number;
  /** How often a topic lost publications on their way here, or began anew. */
  losses: number;
}

export function newTopicStats(): TopicStats {
  return { resumed: 0, notResumed: 0, lagged: 0, gaps: 0, losses: 0 };
}
