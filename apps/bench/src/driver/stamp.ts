// The first characters of every payload say who sent it and the how-manieth of that sender it is: four and five digits of five
// bits each, as the ASCII characters from "0" to "O", so that a stamp needs no escape in JSON and is cheap to read.
const ZERO = 48;

export const STAMP_BYTES = 9;
export const MAX_PUBLISHERS: number = 1 << 20;

export function writeStamp(target: Buffer, at: number, publisher: number, sequence: number): void {
  for (let i = 0; i < 4; i++) target[at + i] = ZERO + ((publisher >> (15 - 5 * i)) & 31);
  for (let i = 0; i < 5; i++) target[at + 4 + i] = ZERO + ((sequence >> (20 - 5 * i)) & 31);
}

// Written out, since these run once for every delivery.
export function publisherAt(data: Buffer, at: number): number {
  return ((data[at]! - ZERO) << 15) | ((data[at + 1]! - ZERO) << 10) | ((data[at + 2]! - ZERO) << 5) | (data[at + 3]! - ZERO);
}

export function sequenceAt(data: Buffer, at: number): number {
  const high = ((data[at + 4]! - ZERO) << 20) | ((data[at + 5]! - ZERO) << 15) | ((data[at + 6]! - ZERO) << 10);
  return high | ((data[at + 7]! - ZERO) << 5) | (data[at + 8]! - ZERO);
}
