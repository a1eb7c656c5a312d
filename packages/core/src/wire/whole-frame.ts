import { isUtf8 } from "node:buffer";
import { Opcode } from "./frame.ts";
import { unmask } from "./mask.ts";
import { Message } from "./message.ts";

// The fast path. Most messages come in one frame that one read of the socket brings whole, and not compressed. For these the
// header is looked at once and not byte by byte, and the payload is unmasked where it lies, without a copy and without an
// assembler. Everything else, faults too, is left to `FrameParser`; a property test holds the two to the same result.

/** First bytes of a message in one frame, without reserved bits. */
const WHOLE_TEXT = 0x80 | Opcode.text;
const WHOLE_BINARY = 0x80 | Opcode.binary;

/**
 * Length of the payload when a message begins at `at` that is one masked frame, not compressed, shorter than 64 KiB, not longer
 * than `maxBytes`, and all here. Negative for everything else.
 */
export function wholePayloadLength(chunk: Buffer, at: number, maxBytes: number): number {
  const first = chunk[at];
  const here = chunk.byteLength - at;
  if ((first !== WHOLE_TEXT && first !== WHOLE_BINARY) || here < 6) return -1;
  const short = (chunk[at + 1] as number) - 0x80;
  if (short === 127) return -1;
  const length = short < 126 ? short : chunk.readUInt16BE(at + 2);
  if (short === 126 && length < 126) return -1;
  return length > maxBytes || wholeFrameLength(length) > here ? -1 : length;
}

/** Length of the frame: the header has 2 bytes, or 4 for a payload longer than 125, and the mask 4 more (RFC 6455 §5.2). */
export function wholeFrameLength(payloadBytes: number): number {
  return payloadBytes + (payloadBytes < 126 ? 6 : 8);
}

/**
 * The message whose frame begins at `at`, for which `wholePayloadLength` has given `length`. Its bytes stay in `chunk`.
 * @param view Of `chunk`. @returns `undefined` for text that is not UTF-8.
 */
export function readWholeFrame(chunk: Buffer, view: DataView, at: number, length: number): Message | undefined {
  const isBinary = chunk[at] === WHOLE_BINARY;
  const end = at + wholeFrameLength(length);
  const start = end - length;
  const isAscii = unmask(view, start, end);
  if (!isBinary && !isAscii && !isUtf8(chunk.subarray(start, end))) return undefined;
  return new Message(chunk, isBinary, start, end, view);
}
