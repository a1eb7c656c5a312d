import type { Clock } from "@upwire/core";

/** Real time. Its timers do not keep a process of Node alive. */
export const realClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    letGo(timer);
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    letGo(timer);
    return { cancel: () => clearInterval(timer) };
  },
};

/** A browser's timer is a number, which holds nothing. */
function letGo(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}
