import type { Clock } from "./clock.ts";
import type { Counters } from "./counters.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { ResolvedLimits } from "./limits.ts";

/** What all sessions of one Upgrader share. */
export interface SessionSetup {
  readonly limits: ResolvedLimits;
  readonly heartbeat: Heartbeat;
  readonly counters: Counters;
  readonly clock: Clock;
  /** Messages come as streams. */
  readonly streams: boolean;
  /** Gets what code of the application throws on the connection `owner`. Never throws. */
  report(error: unknown, owner: object): void;
}
