/** The clock of the machine, in microseconds: all of its processes have it in common, and no setting of the time moves it. */
export function machineTime(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
