/** RFC 6455 §11.8. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One frame, also one that RFC 6455 forbids. */
export interface FrameInit {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  /** @default true */
  readonly fin?: boolean;
  /** Servers must refuse unmasked frames. A key of 4 bytes gives the same frame in every run. @default true, by a random key */
  readonly mask?: boolean | Uint8Array;
  /** The three reserved bits; 4 is RSV1, "compressed". @default 0 */
  readonly rsv?: number;
}

/** Opcode and length: all that comes before the key, or before the payload of an unmasked frame. */
function writeHead(view: DataView, first: number, length: number, maskBit: number): void {
  view.setUint8(0, first);
  if (length < 126) {
    view.setUint8(1, maskBit | length);
  } else if (length < 65_536) {
    view.setUint8(1, maskBit | 126);
    view.setUint16(2, length);
  } else {
    view.setUint8(1, maskBit | 127);
    view.setBigUint64(2, BigInt(length));
  }
}

/** Not of the system's randomness, which takes twenty times as long: no proxy has to be kept from guessing it (RFC 6455 §10.3). */
function randomKey(): Buffer {
  const key = Buffer.allocUnsafe(4);
  key.writeUInt32BE(Math.floor(Math.random() * 2 ** 32));
  return key;
}

/** Four bytes at a time: tests send hundreds of megabytes. */
function mask(view: DataView, start: number, key: Uint8Array): void {
  const word = ((key[0] ?? 0) << 24) | ((key[1] ?? 0) << 16) | ((key[2] ?? 0) << 8) | (key[3] ?? 0);
  let at = start;
  for (const whole = view.byteLength - 3; at < whole; at += 4) view.setInt32(at, view.getInt32(at) ^ word);
  for (let shift = 24; at < view.byteLength; at++, shift -= 8) view.setUint8(at, view.getUint8(at) ^ ((word >>> shift) & 0xff));
}

/** The bytes of a client's frame (RFC 6455 §5.2). */
export function encodeClientFrame(init: FrameInit): Buffer {
  const { opcode, fin = true, mask: masks = true, rsv = 0 } = init;
  const payload = typeof init.payload === "string" ? Buffer.from(init.payload) : (init.payload ?? new Uint8Array());
  const length = payload.byteLength;
  const key = masks === true ? randomKey() : masks === false ? new Uint8Array() : masks;
  const start = (length < 126 ? 2 : length < 65_536 ? 4 : 10) + key.byteLength;
  const frame = Buffer.allocUnsafe(start + length);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  writeHead(view, (fin ? 0x80 : 0) | (rsv << 4) | opcode, length, masks === false ? 0 : 0x80);
  frame.set(key, start - key.byteLength);
  frame.set(payload, start);
  if (masks !== false) mask(view, start, key);
  return frame;
}

/** The payload of a close frame: nothing at all, or a code and a reason (RFC 6455 §5.5.1). */
export function closePayload(code?: number, reason: Uint8Array | string = ""): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  return Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason as string)]);
}
