import { randomText } from "./random-text.ts";

/** The name of a history that has just begun: 12 random characters, 72 bits. */
export function newEpoch(): string {
  return randomText(12);
}

export const epochPattern: RegExp = /^[A-Za-z0-9_-]{8,32}$/;
