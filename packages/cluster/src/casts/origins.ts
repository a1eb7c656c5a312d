const SEPARATOR = ":";
const HAS_OPTIONS = ":o";
/** More digits are no number of a cast. */
const MAX_DIGITS = 15;
const ZERO = 48;

/** What the origins of a node begin with. */
export function originPrefix(node: string): string {
  return node + SEPARATOR;
}

/** Stands in the `origin` of the publication of a cast: `node:number`, or `node:number:o` when options stand before the data. @param prefix That of the node. */
export function writeOrigin(prefix: string, cast: number, { hasOptions }: { readonly hasOptions: boolean }): string {
  return hasOptions ? prefix + cast + HAS_OPTIONS : prefix + cast;
}

/** Reads origins. It remembers what it has read last, and makes nothing: each cast that comes is read once. */
export class OriginReader {
  /** Of the last one. */
  node = "";
  cast = 0;
  hasOptions = false;
  /** `node:`. */
  #prefix = "";

  /** @returns whether it is the origin of a cast; then it is in the fields. */
  read(origin: string | undefined): boolean {
    if (origin === undefined) return false;
    if (this.#prefix === "" || !origin.startsWith(this.#prefix)) {
      const end = origin.indexOf(SEPARATOR);
      if (end < 1) return false;
      this.node = origin.slice(0, end);
      this.#prefix = originPrefix(this.node);
    }
    const start = this.#prefix.length;
    this.hasOptions = origin.endsWith(HAS_OPTIONS);
    const end = this.hasOptions ? origin.length - HAS_OPTIONS.length : origin.length;
    if (end <= start || end - start > MAX_DIGITS) return false;
    let cast = 0;
    for (let at = start; at < end; at++) {
      const digit = origin.charCodeAt(at) - ZERO;
      if (digit < 0 || digit > 9) return false;
      cast = cast * 10 + digit;
    }
    this.cast = cast;
    return true;
  }
}
