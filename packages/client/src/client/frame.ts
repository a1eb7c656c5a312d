import type { WireError } from "@upwire/protocol";

/** What is sent over a socket. */
export type Frame = string | Uint8Array;

/** What any message of a server may have. */
export interface ServerMessage {
  readonly type?: string;
  readonly topic?: string;
  readonly offset?: number;
  readonly re?: number;
  readonly payload?: unknown;
  readonly error?: WireError;
}

/**
 * A message as it is sent. Bytes as its payload make it a binary one: 4 bytes with the length of the header, the header as
 * JSON, the bytes. Shorter than `encodeBinaryFrame` of the protocol, since names and ids of a client cannot be too long.
 */
export function writeFrame(header: object, payload?: unknown): Frame {
  if (!(payload instanceof Uint8Array)) return JSON.stringify({ ...header, payload });
  const json = new TextEncoder().encode(JSON.stringify(header));
  const frame = new Uint8Array(4 + json.length + payload.length);
  new DataView(frame.buffer).setUint32(0, json.length);
  frame.set(json, 4);
  frame.set(payload, 4 + json.length);
  return frame;
}

/** @throws for what is no message of a server */
export function readFrame(data: unknown): ServerMessage {
  if (typeof data === "string") return JSON.parse(data) as ServerMessage;
  const bytes = new Uint8Array(data as ArrayBuffer);
  const end = 4 + new DataView(bytes.buffer).getUint32(0);
  return { ...(JSON.parse(new TextDecoder().decode(bytes.subarray(4, end))) as ServerMessage), payload: bytes.subarray(end) };
}
