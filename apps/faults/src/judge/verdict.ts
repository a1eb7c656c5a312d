/** What the judge counts. All but the first four are over all listeners together. */
export interface Verdict {
  acknowledged: number;
  localOnly: number;
  rejected: number;
  unanswered: number;
  heard: number;
  /** Acknowledged publications that a listener never got. */
  lost: number;
  /** Lost publications that no gap covers. */
  untold: number;
  /** Came twice, without a gap in between. */
  doubled: number;
  /** Came again behind a gap: what the topic knew of them was gone, and the listener was told so. */
  repeated: number;
  /** Came behind a later one of the same publisher. */
  inverted: number;
  /** One position (epoch and offset) that was given to two publications, and a position that came behind a higher one. */
  contradictions: number;
  /** The acknowledgement named another offset than the publication came with. */
  misplaced: number;
  gaps: number;
  /** Gaps in which nothing is missing. */
  needless: number;
  /** Publications that gaps reported, and that were not missing. */
  overstated: number;
  /** The longest from a loss (or the end of the fault, if that is later) to the gap that tells it. Milliseconds. */
  toldLateMs: number;
  /** The longest that a listener heard no message between its first and its last. Milliseconds. */
  silenceMs: number;
  /** The longest of it while the fault lasted. Milliseconds. */
  stoppedMs: number;
}

export type Figure = keyof Verdict;

/** Sums, but for durations, of which the longest counts. */
const LONGEST: readonly Figure[] = ["toldLateMs", "silenceMs", "stoppedMs"];

export function emptyVerdict(): Verdict {
  return {
    acknowledged: 0,
    localOnly: 0,
    rejected: 0,
    unanswered: 0,
    heard: 0,
    lost: 0,
    untold: 0,
    doubled: 0,
    repeated: 0,
    inverted: 0,
    contradictions: 0,
    misplaced: 0,
    gaps: 0,
    needless: 0,
    overstated: 0,
    toldLateMs: 0,
    silenceMs: 0,
    stoppedMs: 0,
  };
}

export function together(verdicts: readonly Verdict[]): Verdict {
  const total = emptyVerdict();
  for (const verdict of verdicts) {
    for (const figure of Object.keys(total) as Figure[]) {
      total[figure] = LONGEST.includes(figure) ? Math.max(total[figure], verdict[figure]) : total[figure] + verdict[figure];
    }
  }
  return total;
}
