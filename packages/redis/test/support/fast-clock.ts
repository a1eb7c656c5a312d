import { realClock } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";

/** So many times as fast as real time. */
const TIMES = 4;

/** For a broker whose waiting is not what a test looks at. */
export const fastClock: Clock = {
  now: () => realClock.now() * TIMES,
  after: (ms, run) => realClock.after(ms / TIMES, run),
  every: (ms, run) => realClock.every(ms / TIMES, run),
};
