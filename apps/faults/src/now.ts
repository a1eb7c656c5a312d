/** Milliseconds of the machine's monotonic clock: comparable between its processes, and never set. */
export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
