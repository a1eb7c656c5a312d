import type { Arguments } from "./arguments.ts";
import { cells, type Cell } from "./cells.ts";

/** What `--check` runs: where joining, deflating once and reading many frames at a time show most. */
const CHECKED: Readonly<Record<string, readonly string[]>> = {
  b64: ["upwire", "ws", "raw-net-joined"],
  z16: ["upwire", "ws"],
  echo32: ["upwire", "ws"],
  topic64: ["frames", "topic"],
};

/** The cells to run, with the rows to run in each; `isRunnable` says which rows can. */
export function select({ quick, check, only, rows }: Arguments, isRunnable: (row: string) => boolean): Map<string, Cell> {
  const selected = new Map<string, Cell>();
  for (const [name, full] of Object.entries(cells)) {
    if (only !== undefined && !only.includes(name)) continue;
    if (check && CHECKED[name] === undefined) continue;
    // A cell that is asked for by name is run in quick mode too.
    if (quick && full.quick === undefined && only === undefined) continue;
    const cell = quick || check ? { ...full, ...full.quick } : full;
    const wanted = rows ?? (check ? CHECKED[name] : undefined) ?? cell.rows;
    const runnable = wanted.filter((row) => full.rows.includes(row) && isRunnable(row));
    if (runnable.length > 0) selected.set(name, { ...cell, rows: runnable });
  }
  return selected;
}
