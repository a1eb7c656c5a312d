/** Bytes of each message. */
const LENGTH = 64;

/** A message: its number, and when it was published, microseconds of the machine's monotonic clock. */
export function textOf(number: number, atUs: number): string {
  return `#${number} ${atUs} `.padEnd(LENGTH, ".");
}

const MESSAGE = /#(\d+) (\d+) /g;

/** Reads each message out of whatever it is wrapped in. */
export function readTexts(wrapped: string, onMessage: (number: number, atUs: number) => void): void {
  for (const [, number, atUs] of wrapped.matchAll(MESSAGE)) onMessage(Number(number), Number(atUs));
}

export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
