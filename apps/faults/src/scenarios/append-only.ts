import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

/** Takes bytes from the end of the append-only file of a Redis server that does not run: what a disk that lied about a flush leaves. */
export function cutTail(folder: string, bytes: number): void {
  const appendOnly = join(folder, "appendonlydir");
  const name = readdirSync(appendOnly).findLast((file) => file.endsWith(".incr.aof"));
  if (name === undefined) throw new Error(`${appendOnly} has no append-only file to cut`);
  const file = join(appendOnly, name);
  truncateSync(file, Math.max(0, statSync(file).size - bytes));
}
