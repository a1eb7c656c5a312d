import { isUtf8 } from "node:buffer";

/** Length of the sequence that `lead` begins (RFC 3629 §3), or 0 when no sequence begins with it. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

/** Whether `second` may follow `lead`. RFC 3629 §4 leaves out overlong forms, surrogates and all above U+10FFFF. */
function maySecond(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0 && second <= 0xbf;
  if (lead === 0xed) return second >= 0x80 && second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90 && second <= 0xbf;
  if (lead === 0xf4) return second >= 0x80 && second <= 0x8f;
  return second >= 0x80 && second <= 0xbf;
}

/** Where the last character begins when it is cut off at `end`; `end` itself when it is complete. */
function cutStart(bytes: Buffer, from: number, end: number): number {
  for (let start = end - 1; start >= from && start >= end - 3; start--) {
    const byte = bytes[start] ?? 0;
    if (byte >= 0x80 && byte < 0xc0) continue;
    return sequenceLength(byte) > end - start ? start : end;
  }
  return end;
}

/** Whether the bytes from `start` to `end`, fewer than a character needs, can become one. */
function isPrefix(bytes: Buffer, start: number, end: number): boolean {
  const second = bytes[start + 1] ?? 0;
  return end - start < 2 || maySecond(bytes[start] ?? 0, second);
}

/**
 * Checks text while it is still coming in; what is complete is checked by `isUtf8`. `from` is how far it was checked before.
 * @returns how far it is checked now, or -1 as soon as the bytes cannot become UTF-8, whatever follows.
 */
export function checkBegunUtf8(bytes: Buffer, from: number, end: number): number {
  const boundary = cutStart(bytes, from, end);
  if (boundary > from && !isUtf8(bytes.subarray(from, boundary))) return -1;
  return isPrefix(bytes, boundary, end) ? boundary : -1;
}
