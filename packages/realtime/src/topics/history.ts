import type { Broker, HistoryPage } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { RealtimeError } from "@upwire/protocol";
import { ask, unavailable } from "./ask.ts";

/** Publications of one page. */
export const PAGE_MESSAGES = 128;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

export interface Reading {
  readonly clock: Clock;
  readonly broker: Pick<Broker, "history">;
  /** All tries together. */
  readonly timeoutMs: number;
  readonly topic: string;
  readonly after: number;
  /** Whether the page says anything new: with another one it tries again. */
  readonly isUseful: (page: HistoryPage) => boolean;
}

export type PageOutcome = { readonly page: HistoryPage } | { readonly error: RealtimeError };

/**
 * Reads one page, with further tries when the broker fails. `done` is called once, in a later microtask.
 * @returns a function that calls it off.
 */
export function readHistory({ clock, broker, timeoutMs, topic, after, isUseful }: Reading, done: (outcome: PageOutcome) => void): () => void {
  const endMs = clock.now() + timeoutMs;
  let pauseMs = FIRST_PAUSE_MS;
  let cancel = (): void => {};
  const attempt = (): void => {
    const leftMs = Math.max(0, endMs - clock.now());
    cancel = ask({ clock, timeoutMs: leftMs, call: () => broker.history(topic, after, PAGE_MESSAGES) }, (outcome) => {
      if ("value" in outcome && isUseful(outcome.value)) return done({ page: outcome.value });
      if (clock.now() + pauseMs >= endMs) return done({ error: unavailable("error" in outcome ? outcome.error : undefined) });
      const timer: Timer = clock.after(pauseMs, attempt);
      cancel = () => timer.cancel();
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    });
  };
  attempt();
  return () => cancel();
}
