// The first characters of every payload say who sent it and the how-manieth of that sender it is: three and four digits of
// six bits each, as the ASCII characters from "0" on, so that a stamp is text, may stand in JSON, and is cheap to read.
const ZERO = 48;

export const STAMP_BYTES = 7;
export const MAX_PUBLISHERS: number = 1 << 18;

export function writeStamp(target: Buffer, at: number, publisher: number, sequence: number): void {
  for (let i = 0; i < 3; i++) target[at + i] = ZERO + ((publisher >> (12 - 6 * i)) & 63);
  for (let i = 0; i < 4; i++) target[at + 3 + i] = ZERO + ((sequence >> (18 - 6 * i)) & 63);
}

// Written out, since these run once for every delivery.
export function publisherAt(data: Buffer, at: number): number {
  return ((data[at]! - ZERO) << 12) | ((data[at + 1]! - ZERO) << 6) | (data[at + 2]! - ZERO);
}

export function sequenceAt(data: Buffer, at: number): number {
  return ((data[at + 3]! - ZERO) << 18) | ((data[at + 4]! - ZERO) << 12) | ((data[at + 5]! - ZERO) << 6) | (data[at + 6]! - ZERO);
}
