/** The subprotocol that both ends name in the handshake: `upwire.v1`, described in PROTOCOL.md. */
export const SUBPROTOCOL = "upwire.v1";

/** What a token begins with that a client offers as its second subprotocol: the rest is base64url. Never selected, never logged. */
export const TOKEN_PREFIX = "upwire.auth.";

/** One to 64 characters without a colon and without control characters, joined by colons. */
const segments = /^[^:\p{Cc}\p{Cs}]{1,64}(?::[^:\p{Cc}\p{Cs}]{1,64})*$/u;

/** The longest topic name. Bytes of UTF-8. */
const MAX_NAME_BYTES = 255;

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

/**
 * May a topic be called that? Segments of 1 to 64 characters without `:` and control characters, joined by `:`, at most 255
 * bytes in all, not beginning with `upwire.`. Takes anything.
 */
export function isTopicName(name: unknown): name is string {
  if (typeof name !== "string" || name.length > MAX_NAME_BYTES || name.startsWith("upwire.")) return false;
  return segments.test(name) && utf8Bytes(name) <= MAX_NAME_BYTES;
}

/** A parameter as a segment of a name: `%`, `:` and control characters become `%25`, `%3A`, ..., everything else stays. */
export function encodeSegment(value: string): string {
  return value.replace(/[%:\p{Cc}]/gu, encodeURIComponent);
}

/**
 * What `topicName` gives, without a look at the result: a client leaves that to the server, and carries less.
 */
export function fillPattern(pattern: string, parameters: Readonly<Record<string, string | number>> = {}): string {
  return pattern.replace(/\{(\w+)\}/g, (_, key: string) => encodeSegment(String(parameters[key] ?? "")));
}

/**
 * The name of the topic that `pattern` makes of these parameters: `topicName("room:{room}", { room: "tea" })` is `room:tea`.
 * In a parameter, `%`, `:` and control characters are percent-encoded, so that each set of parameters has one name.
 * @throws TypeError for a parameter that is missing, empty, or too long for a segment of 64 characters.
 */
export function topicName(pattern: string, parameters: Readonly<Record<string, string | number>> = {}): string {
  const name = fillPattern(pattern, parameters);
  if (isTopicName(name)) return name;
  throw new TypeError(`${JSON.stringify(name)}, made of ${pattern}, is no topic name; give each parameter, of 1 to 64 characters`);
}
