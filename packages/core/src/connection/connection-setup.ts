import type { OutboundSetup } from "./outbound.ts";
import type { Clock } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import type { Heartbeat } from "./pings-and-deadlines.ts";
import type { ResolvedLimits } from "../base/limits.ts";

/** What all connections of one Upgrader share. */
export interface ConnectionSetup extends OutboundSetup {
  readonly limits: ResolvedLimits;
  readonly heartbeat: Heartbeat;
  readonly counters: Counters;
  readonly clock: Clock;
  /** Gets what code of the application throws on the connection `owner`. Never throws. */
  report(error: unknown, owner: object): void;
}
