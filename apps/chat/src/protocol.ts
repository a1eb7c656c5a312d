/** One message of the JSON protocol. The payload is the client's word only: read it with the functions below. */
export interface Envelope {
  readonly type: string;
  readonly payload: unknown;
}

/** A fault of the client in a protocol message. It is answered, and the connection stays open. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** Stable; what the client gets as `payload.code`. */
  readonly code: "unknown-type" | "bad-payload" | "unknown-client" | "not-in-room" | "too-many-rooms";

  constructor(code: ProtocolError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** The message in `text`, or `undefined` when it is ordinary text: not JSON, no object, or without a `type`. */
export function parseEnvelope(text: string): Envelope | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const { type, payload } = JSON.parse(text) as Record<string, unknown>;
    return typeof type === "string" ? { type, payload } : undefined;
  } catch {
    return undefined;
  }
}

/** What goes to a client, as text. */
export function envelope(type: string, payload: unknown): string {
  return JSON.stringify({ type, payload });
}

/** @throws ProtocolError when `payload` has no string under `name`. */
export function readString(payload: unknown, name: string): string {
  const value = (payload as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  if (typeof value !== "string") throw new ProtocolError("bad-payload", `payload.${name} must be a string`);
  return value;
}

/** Longest room name in UTF-16 code units. */
const MAX_ROOM_NAME_LENGTH = 64;

/** @throws ProtocolError when `payload.room` is no room name. */
export function readRoomName(payload: unknown): string {
  const room = readString(payload, "room");
  if (room.trim() === "" || room.length > MAX_ROOM_NAME_LENGTH) {
    throw new ProtocolError("bad-payload", `payload.room must have 1 to ${MAX_ROOM_NAME_LENGTH} characters`);
  }
  return room;
}
