import { checkLength, checkWhole } from "./bounds.ts";
import type { PublishOptions, TellOptions } from "./broker.ts";

/** Characters. */
const MAX_KEY_LENGTH = 512;
const MAX_ORIGIN_LENGTH = 64;
const MAX_TELL_BYTES = 1_048_576;
const MAX_KEEP_MS = 3_600_000;

/** What every broker refuses to publish. @throws RangeError */
export function checkPublish({ key, keyOwner, origin }: PublishOptions): void {
  checkLength("key", key, MAX_KEY_LENGTH);
  checkLength("keyOwner", keyOwner, MAX_KEY_LENGTH);
  checkLength("origin", origin, MAX_ORIGIN_LENGTH);
}

/** What every broker refuses to read. @throws RangeError */
export function checkHistory(after: number, limit: number): void {
  checkWhole("after", after);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`history: limit ${limit} is not allowed; give a whole number from 1 on`);
}

/** What every broker refuses to tell. @throws RangeError */
export function checkTell(data: Uint8Array, { keepMs }: TellOptions): void {
  if (data.byteLength > MAX_TELL_BYTES) throw new RangeError(`tell: ${data.byteLength} bytes are not allowed; give at most ${MAX_TELL_BYTES}`);
  if (keepMs !== undefined && !(keepMs >= 1 && keepMs <= MAX_KEEP_MS)) {
    throw new RangeError(`keepMs: ${keepMs} is not allowed; give milliseconds, from 1 to ${MAX_KEEP_MS}`);
  }
}
