import type { Step } from "./runner.ts";
import { digits } from "./table.ts";

/** One line that is written over in a terminal, and a line for each measurement elsewhere. */
export function progress({ cell, row, round, done, of, figures, failure }: Step, seconds: number): void {
  const left = Math.round((seconds / done) * (of - done));
  const line = `${done}/${of}  round ${round}  ${cell}  ${row}: ${failure ?? outcome(figures)}  (${left} s left)`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line.slice(0, process.stderr.columns - 1)}${done === of ? "\n" : ""}`);
  else process.stderr.write(`${line}\n`);
}

function outcome(figures: Step["figures"]): string {
  if (figures?.cpuUs !== undefined) return `${digits(figures.cpuUs)} µs`;
  return `${digits(figures?.heapPerConnection ?? figures?.bytesPerConnection)} B per connection`;
}
