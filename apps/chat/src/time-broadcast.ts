import type { Clock } from "@upwire/core";

const INTERVAL_MS = 5_000;

/** The part of a clock that ticks. */
export type Ticker = Pick<Clock, "every">;

/** Real time. It does not keep the process alive. */
export const realTime: Ticker = {
  every(ms, run) {
    const interval = setInterval(run, ms).unref();
    return { cancel: () => clearInterval(interval) };
  },
};

/** Calls `tell` with the time of day, every five seconds, until cancelled. */
export function startTimeBroadcast(tell: (time: string) => void, ticker: Ticker): ReturnType<Ticker["every"]> {
  return ticker.every(INTERVAL_MS, () => tell(timeOfDay(new Date())));
}

/** Local time as HH:MM:SS. */
function timeOfDay(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
