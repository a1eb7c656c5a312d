import type { Broker, HistoryBounds } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { RealtimeError } from "@upwire/protocol";
import type { TopicLimits } from "./limits.ts";
import type { CacheBudget } from "./recent.ts";
import type { RepliesDue } from "./replies-due.ts";
import type { TopicStats } from "./stats.ts";
import type { Subscription } from "./subscription.ts";
import type { Turns } from "./turns.ts";

export interface TopicConfig {
  /** `undefined`: without history. The same for a topic each time. */
  readonly history: HistoryBounds | undefined;
  /** The state of the topic as JSON text, or a promise of it. */
  readonly state: (() => unknown) | undefined;
}

/** What all topics of one node share. */
export interface TopicSetup {
  readonly clock: Clock;
  readonly broker: Pick<Broker, "history">;
  readonly limits: TopicLimits;
  readonly turns: Turns;
  readonly stats: TopicStats;
  readonly budget: CacheBudget;
  readonly repliesDue: RepliesDue;
  /** Gets what the application or the broker fails with. Never throws. */
  readonly report: (error: unknown) => void;
  /** Ends a subscription that is not answered. */
  end(subscription: Subscription, error: RealtimeError): void;
}
