import { watch } from "@upwire/core/adapter";
import { isTellable } from "./told.ts";
import { encodeBinaryFrame, errorCodes, RealtimeError, type ErrorCode, type WireError } from "@upwire/protocol";

/** A connection, whatever its context. */
interface Sender {
  send(data: string | Uint8Array, options: { readonly mustArrive: true }): boolean;
}

/** No policy may drop an answer. */
const MUST_ARRIVE = { mustArrive: true } as const;

/** A payload as it goes on the wire: text of JSON, bytes, or nothing. */
export type Encoded = string | Uint8Array | undefined;

/** @throws TypeError for a value that JSON cannot hold, such as one that holds itself. @throws what a `toJSON` throws. */
export function encoded(value: unknown): Encoded {
  if (value instanceof Uint8Array) return value;
  return jsonText(value);
}

/** The JSON of a value; `undefined` for what has none. @throws as `encoded`. */
export function jsonText(value: unknown): string | undefined {
  const { toJSON } = (value ?? {}) as { readonly toJSON?: unknown };
  if (typeof value !== "object" || typeof toJSON !== "function") return JSON.stringify(value);
  // An async one would be sent as `{}`, and its rejection would end the process.
  const given: unknown = toJSON.call(value, "");
  if (watch(given, () => {})) throw new TypeError("toJSON: a promise is no JSON; give the value at once");
  return JSON.stringify(given);
}

/** A frame of `head`, which is the JSON of its other members without the closing brace, and its payload. */
function frame(head: string, payload: Encoded): string | Uint8Array {
  if (payload === undefined) return `${head}}`;
  return typeof payload === "string" ? `${head},"payload":${payload}}` : encodeBinaryFrame(JSON.parse(`${head}}`) as object, payload);
}

/** An event of the server, which v1 and plain clients get alike; one with bytes is for v1 alone. */
export function eventFrame(type: string, payload: Encoded): string | Uint8Array {
  return frame(`{"type":${JSON.stringify(type)}`, payload);
}

export function sendReply(connection: Sender, id: number, payload: Encoded): void {
  connection.send(frame(`{"re":${id}`, payload), MUST_ARRIVE);
}

export function sendReplyError(connection: Sender, id: number, error: WireError): void {
  connection.send(`{"re":${id},"error":${wireText(error)}}`, MUST_ARRIVE);
}

/** For what had no id. */
export function sendError(connection: Sender, { code, message }: WireError): void {
  connection.send(JSON.stringify({ type: "upwire.error", payload: { code, message } }), MUST_ARRIVE);
}

export function sendPlainError(connection: Sender, { code, message }: WireError): void {
  connection.send(JSON.stringify({ type: "error", payload: { code, message } }), MUST_ARRIVE);
}

/** @param payload JSON. */
export function sendSubscribed(connection: Sender, topic: string, payload: string): void {
  connection.send(`{"type":"upwire.subscribed","topic":${JSON.stringify(topic)},"payload":${payload}}`, MUST_ARRIVE);
}

/** One of upwire's own frames. */
export function sendOwn(connection: Sender, value: object): void {
  connection.send(JSON.stringify(value), MUST_ARRIVE);
}

/** Its details are the application's, and may have no JSON. */
function wireText(error: WireError): string {
  try {
    return JSON.stringify(error);
  } catch {
    return JSON.stringify({ code: error.code, message: error.message, retryable: error.retryable });
  }
}

/** One of upwire's own errors. */
export function errorOf(code: ErrorCode, message: string = errorCodes[code].text): RealtimeError {
  return new RealtimeError(code, message);
}

/**
 * What a function of the application threw, as its client is told: a `RealtimeError`, also of another copy of the protocol, is
 * meant for it, and everything else is `internal`.
 * @returns the error of the client, and whether the application has to be told.
 */
export function toldError(thrown: unknown): { readonly error: RealtimeError; readonly isFault: boolean } {
  if (isTellable(thrown)) return { error: thrown, isFault: false };
  try {
    const { name, code, message, retryable, details } = thrown as Partial<RealtimeError>;
    if (thrown instanceof Error && name === "RealtimeError" && typeof code === "string") {
      return { error: new RealtimeError(code, message, { retryable: retryable === true, details }), isFault: false };
    }
  } catch {
    // A proxy, or a code that may not be: a fault as any other.
  }
  return { error: errorOf("internal"), isFault: true };
}
