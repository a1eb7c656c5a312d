import type { HistoryBounds } from "./broker.ts";

export function areEqual(one: HistoryBounds, other: HistoryBounds): boolean {
  return one === other || (one.messages === other.messages && one.bytes === other.bytes && one.ageMs === other.ageMs);
}

/** What every broker refuses as bounds of a history. @throws RangeError */
export function checkBounds({ messages, bytes, ageMs }: HistoryBounds): void {
  checkWhole("history.messages", messages);
  checkWhole("history.bytes", bytes);
  if (!(ageMs > 0 && ageMs < 2 ** 31)) throw new RangeError(`history.ageMs: ${ageMs} is not allowed; give milliseconds, more than 0 and less than 2147483648`);
}

export function checkWhole(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name}: ${value} is not allowed; give a whole number from 0 on`);
}

export function checkLength(name: string, text: string | undefined, max: number): void {
  if (text === undefined) return;
  if (typeof text !== "string") throw new RangeError(`${name}: ${typeof text} is not allowed; give a string`);
  if (text.length > max) throw new RangeError(`${name}: ${text.length} characters are not allowed; give at most ${max}`);
}
