const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/** So many random bytes are fetched at once: one call for 12 of them costs more than all that becomes of them. */
const FETCHED_BYTES = 1536;

/** Gives random texts one after the other: characters of `[A-Za-z0-9_-]`, each with 6 random bits. */
export class RandomTexts {
  readonly #bytes = new Uint8Array(FETCHED_BYTES);
  #at = FETCHED_BYTES;

  /** @param length At most 1536. */
  next(length: number): string {
    if (this.#at + length > FETCHED_BYTES) {
      crypto.getRandomValues(this.#bytes);
      this.#at = 0;
    }
    let text = "";
    for (const end = this.#at + length; this.#at < end; this.#at++) text += ALPHABET[(this.#bytes[this.#at] as number) % 64];
    return text;
  }
}

/** Characters of `[A-Za-z0-9_-]`, each with 6 random bits. */
export function randomText(length: number): string {
  let text = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(length))) text += ALPHABET[byte % 64];
  return text;
}
