import type { ErrorCode } from "./errors.ts";
import { isTopicName } from "./names.ts";
import { isId, readSince, type Since } from "./position.ts";

/** A message of a client, as `readClientFrame` understood it. */
export type ClientFrame =
  | { readonly kind: "event"; readonly type: string; readonly payload: unknown }
  | { readonly kind: "request"; readonly type: string; readonly id: number; readonly payload: unknown; readonly key: string | undefined }
  | {
      readonly kind: "publish";
      readonly type: string;
      readonly topic: string;
      readonly id: number | undefined;
      readonly payload: unknown;
      readonly key: string | undefined;
    }
  | { readonly kind: "subscribe"; readonly id: number; readonly topic: string; readonly since: Since | undefined }
  | { readonly kind: "unsubscribe"; readonly id: number; readonly topic: string }
  | { readonly kind: "cancel"; readonly re: number }
  | { readonly kind: "ping"; readonly id: number }
  /** A reply, which no server asks a client for. Nothing answers it. */
  | { readonly kind: "ignored" }
  /** With an `id`: answer `{re, error}`; without: `upwire.error`. */
  | { readonly kind: "fault"; readonly code: ErrorCode; readonly message: string; readonly id: number | undefined };

const MAX_KEY_LENGTH = 64;

/** How deep arrays and objects may nest, the message itself counted. */
const MAX_DEPTH = 64;
const TOO_DEEP = `it nests deeper than ${MAX_DEPTH}`;

/** What is wrong with `value`, which stands at this depth, or with anything in it. */
function faultInside(value: unknown, depth: number): string | undefined {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return undefined;
  if (depth > MAX_DEPTH) return TOO_DEEP;
  if (Array.isArray(value)) {
    // Its keys as texts would take ten times as long as the parsing did.
    for (const item of value as readonly unknown[]) {
      const wrong = faultInside(item, depth + 1);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  for (const key of Object.keys(value)) {
    if (key === "__proto__" || key === "constructor" || key === "prototype") return `no key may be ${key}`;
    const wrong = faultInside((value as Record<string, unknown>)[key], depth + 1);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function fault(code: ErrorCode, message: string, id?: number): ClientFrame {
  return { kind: "fault", code, message, id };
}

/**
 * What a server makes of a message of a client. Never throws, whatever a client sends.
 * @param value Parsed JSON; for a binary frame its header, with the bytes as `payload`.
 */
export function readClientFrame(value: unknown): ClientFrame {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return fault("bad_message", "a message is one JSON object");
  const { type, id, re, topic, payload, key, since } = value as Readonly<Record<string, unknown>>;
  const inside = faultInside(value, 1);
  if (inside === TOO_DEEP) return fault("bad_message", inside);
  if (id !== undefined && !isId(id)) return fault("bad_message", "id is an integer from 1 to 2^53-1");
  if (inside !== undefined) return fault("bad_message", inside, id);
  if (re !== undefined && type !== "upwire.cancel") return { kind: "ignored" };
  if (typeof type !== "string") return fault("bad_message", "type is a text", id);
  if (type.startsWith("upwire.")) return readOwn(type, id, re, topic, since);
  const wrong = topic === undefined ? undefined : wrongTopic(topic, id);
  if (wrong !== undefined) return wrong;
  if (topic === undefined && id === undefined) return { kind: "event", type, payload };
  if (key !== undefined && (typeof key !== "string" || key.length < 1 || key.length > MAX_KEY_LENGTH)) {
    return fault("bad_message", `key is a text of 1 to ${MAX_KEY_LENGTH} characters`, id);
  }
  if (topic !== undefined) return { kind: "publish", type, topic: topic as string, id, payload, key };
  return { kind: "request", type, id: id as number, payload, key };
}

function wrongTopic(topic: unknown, id: number | undefined): ClientFrame | undefined {
  if (typeof topic !== "string") return fault("bad_message", "topic is a text", id);
  return isTopicName(topic) ? undefined : fault("unknown_topic", "this is no name of a topic", id);
}

/** The types that begin with `upwire.`. */
function readOwn(type: string, id: number | undefined, re: unknown, topic: unknown, since: unknown): ClientFrame {
  if (type === "upwire.cancel") return isId(re) ? { kind: "cancel", re } : fault("bad_message", "re is the id of a request", id);
  const needsTopic = type === "upwire.subscribe" || type === "upwire.unsubscribe";
  if (!needsTopic && type !== "upwire.ping") return fault("unsupported", "this server does not know this type", id);
  if (id === undefined) return fault("bad_message", `${type} needs an id`);
  if (!needsTopic) return { kind: "ping", id };
  const wrong = wrongTopic(topic, id);
  if (wrong !== undefined) return wrong;
  if (type === "upwire.unsubscribe") return { kind: "unsubscribe", id, topic: topic as string };
  const start = readSince(since);
  if (since !== undefined && start === undefined) return fault("bad_message", "since is {epoch, offset}, or {last} with a whole number from 1 on", id);
  return { kind: "subscribe", id, topic: topic as string, since: start };
}
