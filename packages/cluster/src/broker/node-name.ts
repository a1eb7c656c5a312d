import { randomText } from "./random-text.ts";

const pattern = /^[A-Za-z0-9_-]{8,32}$/;

/** Whether a node may be called that: what comes from outside may say anything. */
export function isNodeName(text: string): boolean {
  return pattern.test(text);
}

/** A name for a node that is being made: 16 random characters, 96 bits, of which no two are ever the same. */
export function newNodeName(): string {
  return randomText(16);
}
