import type { Random } from "./random.ts";

/** Borders of lengths and signs, first bytes of frames, and what ends lines and texts. */
const REMARKABLE = [0, 1, 9, 10, 13, 32, 44, 58, 59, 61, 34, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x88, 0x89, 0x8a, 0xc1, 0xed, 0xfe, 0xff] as const;

type ByteMutator = (bytes: Buffer, random: Random) => Buffer;

/** A part of `bytes`: where it begins and ends. */
function range(bytes: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random.below(bytes.byteLength + 1);
  return [start, start + random.below(Math.min(64, bytes.byteLength - start) + 1)];
}

const mutators: readonly ByteMutator[] = [
  function flipBits(bytes, random) {
    for (let left = 1 + random.below(3); left > 0 && bytes.byteLength > 0; left--) {
      const at = random.below(bytes.byteLength);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    }
    return bytes;
  },
  function overwrite(bytes, random) {
    if (bytes.byteLength > 0) bytes[random.below(bytes.byteLength)] = random.pick(REMARKABLE);
    return bytes;
  },
  function cutEnd(bytes, random) {
    return bytes.subarray(0, random.below(bytes.byteLength + 1));
  },
  function cutStart(bytes, random) {
    return bytes.subarray(random.below(Math.min(16, bytes.byteLength + 1)));
  },
  function remove(bytes, random) {
    const [start, end] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  function repeat(bytes, random) {
    const [start, end] = range(bytes, random);
    const part = bytes.subarray(start, end);
    return Buffer.concat([bytes.subarray(0, end), ...Array<Buffer>(1 + random.below(8)).fill(part), bytes.subarray(end)]);
  },
  function insert(bytes, random) {
    const at = random.below(bytes.byteLength + 1);
    const part = random.once(2) ? random.bytes(1 + random.below(12)) : Buffer.alloc(1 + random.below(4), random.pick(REMARKABLE));
    return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
  },
];

/** One change that knows nothing about what the bytes mean. May change `bytes` itself. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  return random.pick(mutators)(bytes, random);
}

/** `bytes` as they are, or cut into several writes. */
export function chop(bytes: Buffer, random: Random): readonly Buffer[] {
  if (!random.once(4) || bytes.byteLength < 2) return [bytes];
  const cuts = Array.from({ length: 1 + random.below(6) }, () => random.below(bytes.byteLength)).toSorted((a, b) => a - b);
  return [...cuts, bytes.byteLength].map((end, index) => bytes.subarray(cuts[index - 1] ?? 0, end)).filter((part) => part.byteLength > 0);
}
