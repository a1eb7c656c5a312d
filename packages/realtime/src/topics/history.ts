import type { Broker, HistoryPage } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { RealtimeError } from "@upwire/protocol";
import { unavailable, withDeadline } from "./deadline.ts";

/** Publications of one page. */
const PAGE_MESSAGES = 128;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;
/** Without an answer for so long, it is asked once more; also a late first answer counts. */
const SILENCE_MS = 1000;

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
 * Reads one page. When the broker fails, or has not answered for a while, it tries again; the first answer counts. `done` is called
 * once, in a later microtask.
 * @returns a function that calls it off.
 */
export function readHistory({ clock, broker, timeoutMs, topic, after, isUseful }: Reading, done: (outcome: PageOutcome) => void): () => void {
  const open = new Set<() => void>();
  let pauseMs = FIRST_PAUSE_MS;
  let last: unknown;
  const cancel = (): void => {
    for (const one of open) one();
    open.clear();
  };
  const wait = (ms: number, run: () => void): void => {
    const timer = clock.after(ms, () => {
      open.delete(stop);
      run();
    });
    const stop = (): void => timer.cancel();
    open.add(stop);
  };
  const attempt = (): void => {
    let isAnswered = false;
    const stop = withDeadline({ clock, timeoutMs, call: () => broker.history(topic, after, PAGE_MESSAGES) }, (outcome) => {
      isAnswered = true;
      open.delete(stop);
      if ("error" in outcome) last = outcome.error;
      if ("value" in outcome && isUseful(outcome.value)) {
        cancel();
        return done({ page: outcome.value });
      }
      wait(pauseMs, attempt);
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    });
    open.add(stop);
    wait(SILENCE_MS, () => {
      if (!isAnswered) attempt();
    });
  };
  wait(timeoutMs, () => {
    cancel();
    done({ error: unavailable(last) });
  });
  attempt();
  return cancel;
}
