/** What has come of one topic to one node, and where it was told that the topic begins anew: after so many. */
export interface Log {
  readonly came: readonly string[];
  readonly anew: readonly number[];
}

export type Loss = "none" | "told" | "untold";

/**
 * Whether the publication `publisher:number` is missing in a log; and if so, whether the log has a new beginning where it belongs: between what
 * came of the same publisher before it, and after it.
 */
export function lossOf(name: string, { came, anew }: Log): Loss {
  if (came.includes(name)) return "none";
  const [publisher, number] = partsOf(name);
  const places = came.map(partsOf);
  const after = places.findIndex(([by, each]) => by === publisher && each > number);
  const to = after === -1 ? came.length : after;
  const from = places.findLastIndex(([by, each], at) => at < to && by === publisher && each < number) + 1;
  return anew.some((at) => at >= from && at <= to) ? "told" : "untold";
}

function partsOf(name: string): readonly [publisher: string, number: number] {
  const at = name.lastIndexOf(":");
  return [name.slice(0, at), Number(name.slice(at + 1))];
}
