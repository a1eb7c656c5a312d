import type { Counters } from "../base/counters.ts";
import type { Flusher } from "./flusher.ts";
import type { ResolvedLimits } from "../base/limits.ts";
import { MissedCalls } from "./missed.ts";
import { slowConsumer, type SlowConsumer } from "./slow-consumer.ts";

/** What the send queues of all connections of one Upgrader share. */
export interface SendSetup {
  readonly limits: Pick<ResolvedLimits, "maxQueueBytes" | "maxQueueMessages">;
  readonly flusher: Flusher;
  readonly slowConsumer: SlowConsumer;
  readonly counters: Counters;
  readonly missedCalls: MissedCalls;
  /** Most that a socket is given at a time where a policy may take messages back: at most half of the queue. Bytes. */
  readonly portionBytes: number;
  readonly now: () => number;
}

const PORTION_BYTES = 64 * 1024;

export function sendSetup(limits: ResolvedLimits, flusher: Flusher, counters: Counters, now: () => number): SendSetup {
  return {
    limits,
    flusher,
    slowConsumer: slowConsumer(limits.slowConsumer, counters),
    counters,
    missedCalls: new MissedCalls(),
    portionBytes: Math.min(PORTION_BYTES, Math.floor(limits.maxQueueBytes / 2)),
    now,
  };
}
