import type { Evidence } from "./log.ts";
import type { Verdict } from "./verdict.ts";

/** Holds positions against each other: between all listeners of a topic, and with what the publishers were told. */
export function judgePositions({ published, listeners }: Pick<Evidence, "published" | "listeners">, verdict: Verdict): void {
  /** Which publication has a position. */
  const holders = new Map<string, string>();
  /** The offsets with which a publication came: a topic that began anew may give it a second one. */
  const offsets = new Map<string, Set<number>>();
  for (const { topic, heard } of listeners) {
    const tops = new Map<string, number>();
    for (const entry of heard) {
      if (entry.kind !== "message" || entry.epoch === undefined || entry.offset === undefined) continue;
      const { epoch, offset } = entry;
      const name = `${topic} ${entry.publisher} ${entry.n}`;
      const position = `${topic} ${epoch} ${offset}`;
      const holder = holders.get(position);
      if (holder !== undefined && holder !== name) verdict.contradictions++;
      else holders.set(position, name);
      if (offset <= (tops.get(epoch) ?? 0)) verdict.contradictions++;
      tops.set(epoch, Math.max(tops.get(epoch) ?? 0, offset));
      offsets.set(name, (offsets.get(name) ?? new Set()).add(offset));
    }
  }
  for (const { topic, publisher, n, outcome, offset } of published) {
    const heard = offsets.get(`${topic} ${publisher} ${n}`);
    if (outcome === "acknowledged" && offset !== undefined && heard !== undefined && !heard.has(offset)) verdict.misplaced++;
  }
}
