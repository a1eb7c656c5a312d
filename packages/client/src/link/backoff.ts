/**
 * How long a client waits before it tries again.
 *
 * When a server goes, all its clients lose it in the same moment, and all of them must not come back in one. The server tells
 * `spreadMs`, the time over which its clients should spread (expected clients / 2,500 per s).
 *
 * The idea: load stays flat when each wave of tries is as wide as the first and follows only when the first is over. The first
 * try falls evenly on 1.25 x spreadMs, which at 10,000 clients and 4,000 ms is 200 tries per 100 ms. Each further one comes
 * after 75 to 100 % of 2 x spreadMs: more than 1.25 x spreadMs, so that waves do not lie on one another, whatever the length
 * of the outage, and at most 8 s, so that everybody is back 8 s after the server. Half the jitter of the usual "50 to 100 %"
 * is enough, since the first wave has spread the clients already, and it keeps the second wave from beginning in the first.
 * Measured with the real client at 10,000 clients and 4,000 ms, for outages of 0 to 60 s: the busiest 100 ms after the return has
 * 214 to 255 tries, and 99 % are back after 5.2 to 7.7 s (`npm run reconnect-storm`). With 1 x spreadMs and 50 to 100 % the same
 * is 306 to 315 tries after outages of 0, 1 and 2 s, since the first wave is denser and the second begins in it.
 *
 * A small spread (few clients) doubles from 500 ms up to 8 s instead.
 */

/** Even a lone client leaves a server that restarts this much time. Milliseconds. */
const FIRST_MS = 250;
const LEAST_MS = 500;
/** The longest wait, where spreadMs does not ask for more. Milliseconds. */
const MOST_MS = 8000;

/**
 * @param failures Tries that failed since the connection was last stable; 0 right after a stable one was lost.
 * @param random From 0 to 1.
 * @returns milliseconds
 */
export function backoffMs(failures: number, spreadMs: number, random: number): number {
  if (failures === 0) return FIRST_MS + random * spreadMs * 1.25;
  const most = Math.min(Math.max(MOST_MS, spreadMs * 2), Math.max(LEAST_MS, spreadMs) * 2 ** failures);
  return most * (0.75 + random * 0.25);
}
