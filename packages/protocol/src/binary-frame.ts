/** The longest header of a binary frame. Bytes. */
export const MAX_HEADER_BYTES = 65_536;

/**
 * A message with bytes as its payload: 4 bytes with the length of the header, big-endian, the header as JSON, the bytes.
 * @param header Every member of the message but `payload`.
 * @throws RangeError for a header over 64 KiB.
 */
export function encodeBinaryFrame(header: object, payload: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  if (json.length > MAX_HEADER_BYTES) {
    throw new RangeError(`a binary frame's header of ${json.length} bytes is not allowed; give at most ${MAX_HEADER_BYTES} bytes of JSON`);
  }
  const bytes = new Uint8Array(4 + json.length + payload.length);
  new DataView(bytes.buffer).setUint32(0, json.length);
  bytes.set(json, 4);
  bytes.set(payload, 4 + json.length);
  return bytes;
}

/**
 * Takes such a message apart. `payload` is a view on `bytes`, no copy.
 * @returns `undefined` for what is not well-formed: too short, a header over 64 KiB or longer than the message, not UTF-8, or
 * anything but one JSON object.
 */
export function decodeBinaryFrame(bytes: Uint8Array): { header: unknown; payload: Uint8Array } | undefined {
  if (bytes.length < 4) return undefined;
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (end > bytes.length || end > 4 + MAX_HEADER_BYTES) return undefined;
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(4, end)));
    if (typeof header !== "object" || header === null || Array.isArray(header)) return undefined;
    return { header, payload: bytes.subarray(end) };
  } catch {
    return undefined;
  }
}
