const BYTES = 12;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/** The name of a history that has just begun: 12 random characters, 72 bits. */
export function newEpoch(): string {
  let epoch = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(BYTES))) epoch += ALPHABET[byte % 64];
  return epoch;
}

export const epochPattern: RegExp = /^[A-Za-z0-9_-]{8,32}$/;
