const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** A client's frame (RFC 6455 §5.3 demands the mask). The key is always the same: the benchmark has no cache to protect. */
export function maskedFrame(opcode: number, payload: Buffer): Buffer {
  const long = payload.length > 125;
  const start = long ? 8 : 6;
  const frame = Buffer.allocUnsafe(start + payload.length);
  frame[0] = 0x80 | opcode;
  if (long) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(payload.length, 2);
  } else frame[1] = 0x80 | payload.length;
  MASK.copy(frame, start - 4);
  for (let i = 0; i < payload.length; i++) frame[start + i] = (payload[i] as number) ^ (MASK[i & 3] as number);
  return frame;
}
