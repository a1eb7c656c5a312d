/** Below this many bytes a loop beats a call into the engine. */
const SHORT = 128;

/** Copies `from` from `start` to `end` to position `at` of `to`, which must have the room. */
export function copyBytes(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  if (end - start > SHORT) {
    from.copy(to, at, start, end);
    return;
  }
  for (let i = start; i < end; i++) to[at++] = from[i] as number;
}
