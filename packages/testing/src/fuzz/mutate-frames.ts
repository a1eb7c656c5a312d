import { encodeClientFrame } from "../client-frame.ts";
import type { Talk } from "./corpus.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";

/** Borders of the three forms of a length (RFC 6455 §5.2), and lengths that nobody can have. */
const LENGTHS = [0n, 1n, 125n, 126n, 127n, 65_535n, 65_536n, 1n << 20n, 1n << 31n, 1n << 32n, 1n << 53n, 1n << 62n, 1n << 63n] as const;
const OPCODES = [0, 1, 2, 3, 7, 8, 9, 10, 11, 15] as const;
/** Codes at the borders of RFC 6455 §7.4. */
const CLOSE_CODES = [0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 2999, 3000, 4999, 5000, 65_535] as const;

type FrameMutator = (frames: Buffer[], random: Random, corpus: readonly Talk[]) => void;

/** Changes one frame by itself. */
function one(change: (frame: Buffer, random: Random) => Buffer): FrameMutator {
  return (frames, random) => {
    const at = random.below(frames.length);
    const frame = frames[at];
    // The corpus stays as it is.
    if (frame !== undefined && frame.byteLength >= 2) frames[at] = change(Buffer.from(frame), random);
  };
}

function headerBytes(frame: Buffer): number {
  const short = (frame[1] ?? 0) & 0x7f;
  return short === 127 ? 10 : short === 126 ? 4 : 2;
}

function controlFrame(random: Random): Buffer {
  const mask = random.bytes(4);
  if (!random.once(3)) return encodeClientFrame({ opcode: 9 + random.below(2), payload: random.bytes(random.below(126)), mask });
  const code = random.pick(CLOSE_CODES);
  return encodeClientFrame({ opcode: 8, payload: Buffer.concat([Buffer.of(code >> 8, code & 0xff), random.bytes(random.below(8))]), mask });
}

const mutators: readonly FrameMutator[] = [
  one(mutateBytes),
  one(mutateBytes),
  one(function tamperFirst(frame, random) {
    const first = frame[0] ?? 0;
    frame[0] = random.once(2) ? (first & 0xf0) | random.pick(OPCODES) : first ^ (0x10 << random.below(4));
    return frame;
  }),
  one(function tamperLength(frame, random) {
    const rest = frame.subarray(headerBytes(frame));
    const length = random.once(2) ? BigInt(frame.byteLength) : random.pick(LENGTHS);
    const field = Buffer.alloc(random.pick([1, 3, 9]), 0);
    if (field.byteLength === 9) field.writeBigUInt64BE(length, 1);
    if (field.byteLength === 3) field.writeUInt16BE(Number(length & 0xffffn), 1);
    field[0] = ((frame[1] ?? 0) & 0x80) | (field.byteLength === 9 ? 127 : field.byteLength === 3 ? 126 : Number(length & 0x7fn));
    return Buffer.concat([frame.subarray(0, 1), field, rest]);
  }),
  one(function tamperMask(frame, random) {
    if (random.once(2)) frame[1] = (frame[1] ?? 0) ^ 0x80;
    else random.bytes(4).copy(frame, headerBytes(frame));
    return frame;
  }),
  one(function tamperPayload(frame, random) {
    const start = headerBytes(frame) + 4;
    if (frame.byteLength > start) frame[start + random.below(frame.byteLength - start)] = random.below(256);
    return frame;
  }),
  function insertControl(frames, random) {
    frames.splice(random.below(frames.length + 1), 0, controlFrame(random));
  },
  function insertForeign(frames, random, corpus) {
    frames.splice(random.below(frames.length + 1), 0, random.pick(random.pick(corpus)));
  },
  function insertMessage(frames, random) {
    const payload = random.bytes(random.pick([0, 1, 7, 125, 126, 127, 300]));
    frames.splice(random.below(frames.length + 1), 0, encodeClientFrame({ opcode: 1 + random.below(2), payload, fin: !random.once(4), mask: random.bytes(4) }));
  },
  function splice(frames, random, corpus) {
    const other = random.pick(corpus);
    frames.splice(random.below(frames.length + 1), frames.length, ...other.slice(random.below(other.length)));
  },
  function remove(frames, random) {
    frames.splice(random.below(frames.length), 1);
  },
  function repeat(frames, random) {
    const at = random.below(frames.length);
    const frame = frames[at];
    if (frame !== undefined) frames.splice(at, 0, ...Array<Buffer>(1 + random.below(10)).fill(frame));
  },
  function swap(frames, random) {
    const [taken] = frames.splice(random.below(frames.length), 1);
    if (taken !== undefined) frames.splice(random.below(frames.length + 1), 0, taken);
  },
];

/** A conversation of the corpus with one to four changes. */
export function mutateTalk(corpus: readonly Talk[], random: Random): Buffer {
  return mutateFrames([...random.pick(corpus)], random, corpus);
}

/** These frames with one to four changes. */
export function mutateFrames(frames: Buffer[], random: Random, corpus: readonly Talk[]): Buffer {
  for (let left = 1 + random.below(4); left > 0; left--) random.pick(mutators)(frames, random, corpus);
  return Buffer.concat(frames);
}

/** Do these bytes end where a frame ends? What the server gets next is then a frame of its own. */
export function endsWithFrame(bytes: Buffer): boolean {
  let at = 0;
  while (at + 2 <= bytes.byteLength) {
    const second = bytes[at + 1] ?? 0;
    const short = second & 0x7f;
    const start = at + 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + (second & 0x80 ? 4 : 0);
    if (start > bytes.byteLength) return false;
    const length = short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short === 126 ? bytes.readUInt16BE(at + 2) : short;
    at = start + length;
  }
  return at === bytes.byteLength;
}
