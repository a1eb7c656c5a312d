/** Opcodes of RFC 6455 §5.2. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type Opcode = (typeof Opcode)[keyof typeof Opcode];

const FIN = 0x80;
/** RFC 7692 §6: marks the first frame of a compressed message. */
const RSV1 = 0x40;

export interface FrameFlags {
  /** False for every fragment of a message but the last. Default true. */
  readonly fin?: boolean;
  /** True when the payload is deflated. Default false. */
  readonly compressed?: boolean;
}

const wholeFrame: FrameFlags = {};

/** Length of a whole frame. RFC 6455 §5.2: the length takes 0, 2 or 8 extra bytes, whichever is the shortest. */
export function frameLength(payloadBytes: number): number {
  if (payloadBytes < 126) return 2 + payloadBytes;
  return payloadBytes + (payloadBytes < 0x10000 ? 4 : 10);
}

/** Writes the header of a frame to `target` at `at`. @returns where its payload begins. */
export function writeHeader(target: Buffer, at: number, opcode: Opcode, payloadBytes: number, flags: FrameFlags = wholeFrame): number {
  target[at] = opcode | (flags.fin === false ? 0 : FIN) | (flags.compressed === true ? RSV1 : 0);
  // RFC 6455 §5.1: a server never masks, so the mask bit stays 0.
  if (payloadBytes < 126) {
    target[at + 1] = payloadBytes;
    return at + 2;
  }
  if (payloadBytes < 0x10000) {
    target[at + 1] = 126;
    target.writeUInt16BE(payloadBytes, at + 2);
    return at + 4;
  }
  target[at + 1] = 127;
  target.writeUInt32BE(Math.floor(payloadBytes / 0x100000000), at + 2);
  target.writeUInt32BE(payloadBytes >>> 0, at + 6);
  return at + 10;
}

/** One complete frame as it goes on the wire: header, then a copy of the payload. */
export function encodeFrame(opcode: Opcode, payload: Uint8Array, flags: FrameFlags = wholeFrame): Buffer {
  const frame = Buffer.allocUnsafe(frameLength(payload.byteLength));
  frame.set(payload, writeHeader(frame, 0, opcode, payload.byteLength, flags));
  return frame;
}

/** One complete text frame; the text is encoded straight into it. Lone surrogates become U+FFFD. */
export function encodeTextFrame(text: string): Buffer {
  const payloadBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(frameLength(payloadBytes));
  frame.write(text, writeHeader(frame, 0, Opcode.text, payloadBytes), "utf8");
  return frame;
}

/** Whether these bytes are a client's answer to an empty ping, and nothing else. */
export function isEmptyPong(bytes: Buffer): boolean {
  return bytes.byteLength === 6 && bytes[0] === (FIN | Opcode.pong) && bytes[1] === 0x80;
}

/** The payload inside a frame that `encodeFrame` or `encodeTextFrame` made. */
export function payloadOf(frame: Buffer): Buffer {
  const length = (frame[1] ?? 0) & 0x7f;
  if (length < 126) return frame.subarray(2);
  return frame.subarray(length === 126 ? 4 : 10);
}

/** Length of the payload in a frame of ours of this length. */
export function payloadLength(frameBytes: number): number {
  if (frameBytes <= 127) return frameBytes - 2;
  return frameBytes - (frameBytes <= 0xffff + 4 ? 4 : 10);
}

/** A close frame (RFC 6455 §5.5.1): two bytes of code, then the reason in UTF-8. */
export function encodeCloseFrame(code: number, reason: string): Buffer {
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2, "utf8");
  return encodeFrame(Opcode.close, payload);
}
