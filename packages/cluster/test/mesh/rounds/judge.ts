import type { Child } from "./child.ts";
import { lossOf } from "./loss.ts";
import type { Report } from "./talk.ts";

/** What a round has shown. All but the first four should be 0. */
export interface Verdict {
  acknowledged: number;
  rejected: number;
  /** Topics that began anew, for all nodes together. */
  begunAnew: number;
  /**
   * Acknowledged publications of topics with history that a node which was there all the time has not got, and was told so: the topic has begun anew
   * for it where they belong. Only a process that stood still may bring that about.
   */
  lostAndTold: number;
  /** The same without a word. */
  lost: number;
  doubled: number;
  /** Publications that came before an earlier one of the same publisher and topic. */
  inverted: number;
  /** Publications of topics without history that did not come, on topics of which no gap was told. */
  untold: number;
  /** Topics without history of which a gap was told and nothing is missing. */
  overtold: number;
  /** Publishes without an answer. */
  waiting: number;
}

/** @param reports Of the nodes that were there all the time. */
export function judge(children: readonly Child[], reports: ReadonlyMap<Child, Report>): Verdict {
  const kept = children.flatMap((child) => [...child.kept]);
  // Of a node that was killed it is not known what it had written.
  const plain = children.filter(({ wasKilled }) => !wasKilled).flatMap((child) => [...child.plain]);
  const verdict: Verdict = { ...NOTHING, acknowledged: kept.length };
  for (const report of reports.values()) {
    verdict.rejected += report.rejected;
    verdict.begunAnew += report.anew.reduce((sum, { length }) => sum + length, 0);
    verdict.waiting += report.waiting;
    const cameKept = namesOf(report.kept);
    for (const name of kept) {
      if (cameKept.has(name)) continue;
      const slash = name.indexOf("/");
      const topic = Number(name.slice(0, slash));
      const log = { came: report.kept[topic] ?? [], anew: report.anew[topic] ?? [] };
      if (lossOf(name.slice(slash + 1), log) === "told") verdict.lostAndTold++;
      else verdict.lost++;
    }
    for (const came of [...report.kept, ...report.plain]) {
      verdict.doubled += came.length - new Set(came).size;
      verdict.inverted += inversionsIn(came);
    }
    const camePlain = namesOf(report.plain);
    const missing = plain.filter((name) => !camePlain.has(name));
    const topicsWithLoss = new Set(missing.map((name) => Number(name.slice(0, name.indexOf("/")))));
    for (const [topic, gaps] of report.gaps.entries()) {
      if (topicsWithLoss.has(topic) && gaps.length === 0) verdict.untold += missing.filter((name) => name.startsWith(`${topic}/`)).length;
      if (!topicsWithLoss.has(topic) && gaps.length > 0) verdict.overtold++;
    }
  }
  return verdict;
}

/** Of a round in which nothing happened. */
export const NOTHING: Verdict = {
  acknowledged: 0,
  rejected: 0,
  begunAnew: 0,
  lostAndTold: 0,
  lost: 0,
  doubled: 0,
  inverted: 0,
  untold: 0,
  overtold: 0,
  waiting: 0,
};

export function isClean({ lost, doubled, inverted, untold, overtold, waiting }: Verdict): boolean {
  return lost + doubled + inverted + untold + overtold + waiting === 0;
}

function namesOf(came: readonly (readonly string[])[]): Set<string> {
  return new Set(came.flatMap((names, topic) => names.map((name) => `${topic}/${name}`)));
}

function inversionsIn(came: readonly string[]): number {
  const last = new Map<string, number>();
  let inversions = 0;
  for (const name of came) {
    const [publisher = "", number = ""] = name.split(":");
    if (Number(number) < (last.get(publisher) ?? -1)) inversions++;
    last.set(publisher, Number(number));
  }
  return inversions;
}
