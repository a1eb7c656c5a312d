import type { Message } from "@upwire/core";
import { decodeBinaryFrame, readClientFrame, type ClientFrame } from "@upwire/protocol";

/** A longer text that is refused is not parsed a second time, only to find its id. Bytes. */
const MAX_SECOND_LOOK = 16 * 1024;

export const badMessage: Extract<ClientFrame, { readonly kind: "fault" }> = Object.freeze({
  kind: "fault",
  code: "bad_message",
  message: "a message is one JSON object",
  id: undefined,
});

/** What a message of a client says. @returns `undefined` for a binary message that is none of `upwire.v1`: there the framing is lost. */
export function readFrame(message: Message): ClientFrame | undefined {
  if (!message.isBinary) return readText(message);
  const frame = decodeBinaryFrame(message.bytes);
  return frame && readClientFrame({ ...(frame.header as object), payload: frame.payload });
}

function readText(message: Message): ClientFrame {
  let value: unknown;
  try {
    value = message.json();
  } catch {
    return refused(message);
  }
  return readClientFrame(value);
}

/** Why core refused it, and for which id: a key that may not be is found by either. */
function refused(message: Message): ClientFrame {
  if (message.byteLength > MAX_SECOND_LOOK) return badMessage;
  try {
    const frame = readClientFrame(JSON.parse(message.text()));
    if (frame.kind === "fault") return frame;
    const id = "id" in frame ? frame.id : undefined;
    return { ...badMessage, message: "it nests deeper than 64", id };
  } catch {
    return badMessage;
  }
}

/** `{type, payload}` of a client that does not speak `upwire.v1`: all other members mean nothing. */
export function readPlain(message: Message): ClientFrame {
  if (message.isBinary) return badMessage;
  let value: unknown;
  try {
    value = message.json();
  } catch {
    return badMessage;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return badMessage;
  const { type, payload } = value as { readonly type?: unknown; readonly payload?: unknown };
  if (typeof type === "string" && type.startsWith("upwire.")) return { ...badMessage, code: "unsupported", message: "this is a type of upwire.v1" };
  return readClientFrame({ type, payload });
}
