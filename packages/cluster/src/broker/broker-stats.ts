/**
 * What a broker has done for its node since it was made: counters, which only grow, and gauges, which show the present. Reading them
 * costs nothing. A broker to which one of them cannot happen has 0 there.
 */
export interface BrokerStats {
  /** Counter: publications of this node that the broker has taken over, repeated ones left out. */
  readonly published: number;
  /** Counter: publishes of this node that the broker has rejected as `unavailable`. */
  readonly rejected: number;
  /** Counter: calls of `message`. */
  readonly received: number;
  /** Counter: calls of `gap`. */
  readonly lost: number;
  /** Counter: calls of `tell` that the broker has taken over. */
  readonly tells: number;
  /** Counter: calls of `told`. */
  readonly told: number;
  /** Counter: what came from outside and was dropped because it was malformed, not ours, or of a version that the broker cannot read. */
  readonly foreign: number;
  /** Counter: how often the broker was `down` and came back. */
  readonly reconnects: number;
  /** Gauge: topics that this node has subscribed. */
  readonly subscriptions: number;
  /** Gauge: publications of this node that wait for the connection. */
  readonly queued: number;
  /** Gauge: what they take. Bytes. */
  readonly queuedBytes: number;
}
