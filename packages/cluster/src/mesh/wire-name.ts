/** Half of a surrogate pair. */
const HALF = /[\ud800-\udfff]/;
const IS_HALF = /\p{Surrogate}/u;
const MARK = "\u0000utf16:";

/**
 * What a topic or a key is called on the way: half of a surrogate pair has no UTF-8, and two names that differ in nothing else would be one.
 * `nameOf` gives the name back.
 */
export function wireName(name: string): string {
  // Nearly all names pass the first look, which is the faster one.
  const hasHalf = HALF.test(name) && IS_HALF.test(name);
  return hasHalf || name.startsWith(MARK) ? MARK + Buffer.from(name, "utf16le").toString("hex") : name;
}

export function nameOf(wire: string): string {
  return wire.startsWith(MARK) ? Buffer.from(wire.slice(MARK.length), "hex").toString("utf16le") : wire;
}
