import { RandomTexts, randomText } from "./random-text.ts";

const LENGTH = 12;

/** The name of a history that has just begun: 12 random characters, 72 bits. */
export function newEpoch(): string {
  return randomText(LENGTH);
}

/** Names for many histories. */
export class Epochs {
  readonly #texts: RandomTexts = new RandomTexts();

  next(): string {
    return this.#texts.next(LENGTH);
  }
}

export const epochPattern: RegExp = /^[A-Za-z0-9_-]{8,32}$/;
