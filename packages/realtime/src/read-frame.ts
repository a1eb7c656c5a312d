import { defaults, type Message } from "@upwire/core";
import { decodeBinaryFrame, readClientFrame, type ClientFrame } from "@upwire/protocol";

const badMessage: Extract<ClientFrame, { readonly kind: "fault" }> = Object.freeze({
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

/**
 * Why core refused it: what is no JSON, or too deep, has no id to answer to; a key that may not be is looked for by its id.
 * Text of a depth that core would read is parsed a second time, which deeper text would make slow.
 */
function refused(message: Message): ClientFrame {
  const text = message.text();
  if (nestsDeeper(text, defaults.json.maxDepth)) return { ...badMessage, message: `it nests deeper than ${defaults.json.maxDepth}` };
  try {
    return readClientFrame(JSON.parse(text));
  } catch {
    return badMessage;
  }
}

/** Brackets in texts do not count. */
function nestsDeeper(json: string, most: number): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (isText && character === "\\") at++;
    else if (character === '"') isText = !isText;
    else if (isText) continue;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > most) return true;
  }
  return false;
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
