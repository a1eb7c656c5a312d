import type { ByteWriter } from "./byte-writer.ts";
import type { Run } from "./control.ts";

/** The runs that casts in the order of their numbers make. */
export function runsOf(casts: readonly number[]): Run[] {
  const runs: { first: number; count: number }[] = [];
  for (const cast of casts) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === cast) last.count++;
    else runs.push({ first: cast, count: 1 });
  }
  return runs;
}

export function writeRuns(content: ByteWriter, runs: readonly Run[]): void {
  for (const { first, count } of runs) {
    content.number(first);
    content.number(count);
  }
}
