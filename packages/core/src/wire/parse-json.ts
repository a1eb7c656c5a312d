const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Copying one of these keys into an object can replace its prototype, or reach that of all objects. */
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);
/** The longest of them with every letter written as an escape. */
const MAX_FORBIDDEN_BYTES = 11 * 6;

/** Position of the quote that ends a string. @param start Position of its first character, after the opening quote. */
function endOfString(text: Buffer, start: number): number {
  for (let at = start; at < text.byteLength; at++) {
    const byte = text[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return text.byteLength;
}

function isKey(text: Buffer, end: number): boolean {
  let next = end + 1;
  // RFC 8259 §2: four kinds of white space.
  while (text[next] === 0x20 || text[next] === 0x09 || text[next] === 0x0a || text[next] === 0x0d) next++;
  return text[next] === COLON;
}

function refuseKey(text: Buffer, start: number, end: number): void {
  if (end - start > MAX_FORBIDDEN_BYTES || end - start < "prototype".length || !isKey(text, end)) return;
  // As the parser will read it: a key may be written with escapes.
  const key = JSON.parse(text.toString("utf8", start - 1, end + 1)) as string;
  if (FORBIDDEN_KEYS.has(key)) throw new SyntaxError(`the key ${JSON.stringify(key)} is not allowed`);
}

/**
 * Parses JSON of a client. Its depth is checked before `JSON.parse` sees it, which takes seconds for some megabytes of brackets.
 * @throws SyntaxError for what is not JSON, nests deeper than `maxDepth`, or has a key that reaches prototypes.
 */
export function parseJson(text: Buffer, maxDepth: number): unknown {
  let depth = 0;
  for (let at = 0; at < text.byteLength; at++) {
    const byte = text[at];
    if (byte === QUOTE) {
      const end = endOfString(text, at + 1);
      refuseKey(text, at + 1, end);
      at = end;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw new SyntaxError(`nested deeper than ${maxDepth}`);
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    }
  }
  return JSON.parse(text.toString("utf8"));
}
