import { randomText } from "./random-text.ts";

/** A name for a node that is being made: 16 random characters, 96 bits, of which no two are ever the same. */
export function newNodeName(): string {
  return randomText(16);
}
