/**
 * Unmasks a payload where it lies (RFC 6455 §5.3); the mask is the four bytes in front of it.
 * @returns whether all of it is ASCII, which spares text another look.
 */
export function unmask(bytes: Buffer, start: number, end: number): boolean {
  const a = bytes[start - 4] as number;
  const b = bytes[start - 3] as number;
  const c = bytes[start - 2] as number;
  const d = bytes[start - 1] as number;
  let seen = 0;
  let at = start;
  for (const whole = end - 3; at < whole; at += 4) {
    seen |= bytes[at] = (bytes[at] as number) ^ a;
    seen |= bytes[at + 1] = (bytes[at + 1] as number) ^ b;
    seen |= bytes[at + 2] = (bytes[at + 2] as number) ^ c;
    seen |= bytes[at + 3] = (bytes[at + 3] as number) ^ d;
  }
  if (at < end) seen |= bytes[at] = (bytes[at] as number) ^ a;
  if (at + 1 < end) seen |= bytes[at + 1] = (bytes[at + 1] as number) ^ b;
  if (at + 2 < end) seen |= bytes[at + 2] = (bytes[at + 2] as number) ^ c;
  return seen < 0x80;
}
