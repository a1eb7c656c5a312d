import { Opcode } from "./frame.ts";

/** First bytes of a message in one frame, without reserved bits. */
const WHOLE_TEXT = 0x80 | Opcode.text;
export const WHOLE_BINARY: number = 0x80 | Opcode.binary;

/**
 * Length of the payload when a message of one frame begins at `at`, not compressed, masked and shorter than 64 KiB, as most are,
 * and its header is all here. Its mask begins behind 2 bytes, or behind 4 when it is longer than 125. Negative for everything else.
 */
export function wholeFrameLength(chunk: Buffer, at: number): number {
  const first = chunk[at];
  if ((first !== WHOLE_TEXT && first !== WHOLE_BINARY) || chunk.byteLength - at < 6) return -1;
  const length = (chunk[at + 1] as number) - 0x80;
  if (length < 126) return length;
  if (length === 127) return -1;
  const longer = chunk.readUInt16BE(at + 2);
  return longer < 126 ? -1 : longer;
}
