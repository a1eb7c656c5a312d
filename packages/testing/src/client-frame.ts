import { randomBytes } from "node:crypto";

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

function lengthFields(length: number, maskBit: number): Buffer {
  if (length < 126) return Buffer.of(maskBit | length);
  if (length < 65_536) {
    const field = Buffer.of(maskBit | 126, 0, 0);
    field.writeUInt16BE(length, 1);
    return field;
  }
  const field = Buffer.alloc(9);
  field[0] = maskBit | 127;
  field.writeBigUInt64BE(BigInt(length), 1);
  return field;
}

/** The bytes of a client's frame (RFC 6455 §5.2). */
export function encodeClientFrame(init: FrameInit): Buffer {
  const { opcode, fin = true, mask = true, rsv = 0 } = init;
  const payload = Buffer.from((init.payload ?? "") as string);
  const first = Buffer.of((fin ? 0x80 : 0) | (rsv << 4) | opcode);
  const length = lengthFields(payload.byteLength, mask === false ? 0 : 0x80);
  if (mask === false) return Buffer.concat([first, length, payload]);
  const key = mask === true ? randomBytes(4) : mask;
  for (let at = 0; at < payload.byteLength; at++) payload[at] = (payload[at] ?? 0) ^ (key[at & 3] ?? 0);
  return Buffer.concat([first, length, key, payload]);
}

/** The payload of a close frame: nothing at all, or a code and a reason (RFC 6455 §5.5.1). */
export function closePayload(code?: number, reason: Uint8Array | string = ""): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  return Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason as string)]);
}
