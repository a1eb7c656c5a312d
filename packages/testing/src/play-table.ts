import type { Fault, Level } from "./verdict.ts";

/** What every row of a table has. */
export interface TableRow {
  /** Document, section, and what is special: never changes. */
  readonly id: string;
  readonly group: string;
  readonly title: string;
  readonly level: Level;
}

export interface TableFailure extends TableRow {
  /** `strict` when nothing that the RFCs demand was broken. */
  readonly level: Level;
  /** Everything that was wrong. */
  readonly why: readonly string[];
}

export interface TableReport {
  readonly passed: number;
  readonly total: number;
  /** Rows that were left out, because the server does not offer what they need. */
  readonly skipped: number;
  readonly failing: readonly TableFailure[];
  readonly groups: readonly { readonly name: string; readonly passed: number; readonly total: number }[];
}

interface Plan<Row extends TableRow> {
  readonly rows: readonly Row[];
  readonly skipped: number;
  readonly concurrency: number;
  /** Never rejects. */
  readonly play: (row: Row) => Promise<readonly Fault[]>;
  /** A good client, after each row. Never rejects. */
  readonly probe: () => Promise<readonly Fault[]>;
}

/** Plays every row. After each one a fresh client must still be served. */
export async function playTable<Row extends TableRow>({ rows, skipped, concurrency, play, probe }: Plan<Row>): Promise<TableReport> {
  const failures = new Map<string, TableFailure>();
  const waiting = rows.values();
  const work = async (): Promise<void> => {
    for (const row of waiting) {
      const faults = await play(row);
      const after = (await probe()).map(({ why }): Fault => ({ level: "must", why: `afterwards a good client is not served: ${why}` }));
      const failure = failureOf(row, [...faults, ...after]);
      if (failure !== undefined) failures.set(row.id, failure);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, work));

  return {
    passed: rows.length - failures.size,
    total: rows.length,
    skipped,
    failing: rows.flatMap(({ id }) => failures.get(id) ?? []),
    groups: [...new Set(rows.map(({ group }) => group))].map((name) => {
      const members = rows.filter(({ group }) => group === name);
      return { name, passed: members.filter(({ id }) => !failures.has(id)).length, total: members.length };
    }),
  };
}

function failureOf({ id, group, title }: TableRow, faults: readonly Fault[]): TableFailure | undefined {
  if (faults.length === 0) return undefined;
  const level = faults.some((fault) => fault.level === "must") ? "must" : "strict";
  return { id, group, title, level, why: faults.map(({ why }) => why) };
}
