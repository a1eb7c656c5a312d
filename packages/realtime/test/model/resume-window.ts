import type { Position } from "@upwire/protocol";
import { kindOf, REPLAY_MESSAGES } from "./topics.ts";
import type { Truth } from "./truth.ts";

/** Whether everything after `since` could be brought at the moment `now`. Once it cannot, it never can again. */
export function canResume(truth: Truth, topic: string, since: Position, now: number): boolean {
  const { history } = kindOf(topic);
  const current = truth.current(topic);
  if (history === undefined || current === undefined || current.epoch !== since.epoch || since.offset > current.top) return false;
  if (truth.isForgotten(topic, history.ageMs, now)) return false;
  return current.first(history, now) <= since.offset + 1 && current.top - since.offset <= REPLAY_MESSAGES;
}

/** The oldest offset that is kept at the moment `now`. */
export function firstKept(truth: Truth, topic: string, epoch: string, now: number): number {
  const { history } = kindOf(topic);
  const current = truth.epoch(topic, epoch);
  return history === undefined || current === undefined ? 1 : current.first(history, now);
}
