import { MAX_CONTROL_BYTES } from "../base/close-code.ts";
import type { ClosureCode, Fault } from "../base/errors.ts";

const protocol = (text: string): Fault => Object.freeze({ code: "ERR_PROTOCOL", text });
const fault = (code: ClosureCode, text: string): Fault => Object.freeze({ code, text });

type FixedFault =
  | "reservedBits"
  | "compressionNotAgreed"
  | "compressedContinuation"
  | "compressedControl"
  | "fragmentedControl"
  | "strayContinuation"
  | "interleavedMessage"
  | "notMasked"
  | "longControl"
  | "lengthNotShortest"
  | "lengthTooLong"
  | "closeOneByte"
  | "closeReason"
  | "text"
  | "deflate";
/** With a number of the client, or one of the limits. */
type NumberedFault = "unknownOpcode" | "closeCode" | "tooBig" | "tooBigInflated" | "tooManyFragments";

/**
 * Everything that can be wrong with what a client sends, with the words for its developer: they are the reason of the close
 * frame, the `detail` of the ConnectionError, and in the log.
 */
export const faults: Readonly<Record<FixedFault, Fault> & Record<NumberedFault, (value: number) => Fault>> = {
  // The first byte of a frame, RFC 6455 §5.2 and §5.4.
  reservedBits: protocol("RSV2 or RSV3 set"),
  compressionNotAgreed: protocol("RSV1 set without permessage-deflate"),
  compressedContinuation: protocol("RSV1 set on a continuation"),
  compressedControl: protocol("RSV1 set on a control frame"),
  unknownOpcode: (opcode) => protocol(`unknown opcode 0x${opcode.toString(16).toUpperCase()}`),
  fragmentedControl: protocol("fragmented control frame"),
  strayContinuation: protocol("continuation without a message"),
  interleavedMessage: protocol("new message inside a fragmented one"),
  // Its mask bit and its length, §5.1, §5.2 and §5.5.
  notMasked: protocol("client frame not masked"),
  longControl: protocol(`control frame longer than ${MAX_CONTROL_BYTES} bytes`),
  lengthNotShortest: protocol("length not in its shortest form"),
  lengthTooLong: protocol("length of more than 63 bits"),
  // A close frame, §5.5.1 and §7.4.
  closeOneByte: protocol("close frame with a payload of one byte"),
  closeCode: (code) => protocol(`close code ${code} may not be sent`),
  closeReason: fault("ERR_UTF8", "close reason is not UTF-8"),
  // A message, §8.1, and RFC 7692 §7.2.2.
  text: fault("ERR_UTF8", "text is not UTF-8"),
  deflate: fault("ERR_DEFLATE", "corrupt compressed data"),
  tooBig: (maxBytes) => fault("ERR_MESSAGE_TOO_BIG", `message too big: more than ${maxBytes} bytes`),
  tooBigInflated: (maxBytes) => fault("ERR_MESSAGE_TOO_BIG", `message too big: inflates to more than ${maxBytes} bytes`),
  tooManyFragments: (maxFragments) => fault("ERR_TOO_MANY_FRAGMENTS", `message in more than ${maxFragments} fragments`),
};
