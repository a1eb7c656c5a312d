import { Hearing } from "./hearing.ts";
import type { Evidence, Listener, Outcome, Published } from "./log.ts";
import { judgePositions } from "./positions.ts";
import { emptyVerdict, type Verdict } from "./verdict.ts";

const COUNTED: Readonly<Record<Outcome, "acknowledged" | "localOnly" | "rejected" | "unanswered">> = {
  acknowledged: "acknowledged",
  "local-only": "localOnly",
  rejected: "rejected",
  unanswered: "unanswered",
};

type When = Pick<Evidence, "hurtAt" | "healedAt">;

/** The publishes of one publisher in one topic, by number. */
type Numbered = ReadonlyMap<number, Published>;

/**
 * Judges what publishers and listeners wrote down, and nothing else: no broker is asked. What a listener lacks is a loss when
 * its publisher was told that all nodes get it; the loss is told when a gap stands between the neighbours of what is missing, in
 * the log of that listener. A gap is needless when nothing at all is missing where it stands.
 */
export function judge({ published, listeners, ...when }: Evidence): Verdict {
  const verdict = emptyVerdict();
  for (const { outcome } of published) verdict[COUNTED[outcome]]++;
  const byTopic = recordsOf(published);
  for (const listener of listeners) judgeListener(listener, byTopic.get(listener.topic) ?? new Map<string, Numbered>(), { verdict, when });
  judgePositions({ published, listeners }, verdict);
  return verdict;
}

function judgeListener(listener: Listener, records: ReadonlyMap<string, Numbered>, { verdict, when }: { verdict: Verdict; when: When }): void {
  const hearing = new Hearing(listener, when, verdict);
  const missing = hearing.gaps.map(() => 0);
  for (const [publisher, record] of records) {
    const last = Math.max(...record.keys());
    for (const { from, to, gaps } of hearing.holes(publisher, last)) {
      for (let gap = gaps.first; gap < gaps.end; gap++) missing[gap] = (missing[gap] ?? 0) + to - from + 1;
      const told = gaps.end > gaps.first ? hearing.gaps[gaps.first] : undefined;
      for (let n = from; n <= to; n++) {
        const publication = record.get(n);
        if (publication?.outcome !== "acknowledged") continue;
        verdict.lost++;
        if (told === undefined) verdict.untold++;
        else verdict.toldLateMs = Math.max(verdict.toldLateMs, told.at - Math.max(publication.at, when.healedAt));
      }
    }
  }
  for (const [index, { missed = 0 }] of hearing.gaps.entries()) {
    const really = missing[index] ?? 0;
    if (really === 0) verdict.needless++;
    verdict.overstated += Math.max(0, missed - really);
  }
}

function recordsOf(published: readonly Published[]): Map<string, Map<string, Map<number, Published>>> {
  const byTopic = new Map<string, Map<string, Map<number, Published>>>();
  for (const publication of published) {
    const { topic, publisher, n } = publication;
    const byPublisher = byTopic.get(topic) ?? new Map<string, Map<number, Published>>();
    byTopic.set(topic, byPublisher);
    const record = byPublisher.get(publisher) ?? new Map<number, Published>();
    byPublisher.set(publisher, record);
    record.set(n, publication);
  }
  return byTopic;
}
