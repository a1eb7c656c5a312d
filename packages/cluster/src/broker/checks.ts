import { checkLength, checkWhole } from "./bounds.ts";
import type { BrokerData, PublishOptions, TellOptions } from "./broker.ts";

/** Characters. */
const MAX_KEY_LENGTH = 512;
const MAX_ORIGIN_LENGTH = 64;
/** What a PX of Redis takes, and a timer of Node. Milliseconds. */
const MAX_KEY_MS = 2 ** 31;
const MAX_TELL_BYTES = 1_048_576;
const MAX_KEEP_MS = 3_600_000;

/** What every broker refuses to publish. @throws RangeError */
export function checkPublish({ key, keyMs, keyOwner, origin }: PublishOptions): void {
  if (keyMs !== undefined && !(typeof keyMs === "number" && keyMs > 0 && keyMs < MAX_KEY_MS)) {
    throw new RangeError(`keyMs: ${String(keyMs)} is not allowed; give milliseconds, more than 0 and less than ${MAX_KEY_MS}`);
  }
  checkLength("key", key, MAX_KEY_LENGTH);
  checkLength("keyOwner", keyOwner, MAX_KEY_LENGTH);
  checkLength("origin", origin, MAX_ORIGIN_LENGTH);
}

/**
 * Refuses a topic that is no string, and data that is neither text nor bytes. A broker that puts publications of several callers into one
 * call must check each before: one of them would make all of them fail.
 * @throws RangeError
 */
export function checkPublication(topic: string, data: BrokerData): void {
  checkTopic(topic);
  if (typeof data !== "string" && !(data instanceof Uint8Array)) throw new RangeError(`publish: ${kindOf(data)} is not allowed; give a string or a Uint8Array`);
}

/** Refuses a topic that is no string. @throws RangeError */
export function checkTopic(topic: string): void {
  if (typeof topic !== "string") throw new RangeError(`topic: ${kindOf(topic)} is not allowed; give a string`);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** What every broker refuses to read. @throws RangeError */
export function checkHistory(after: number, limit: number): void {
  checkWhole("after", after);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`history: limit ${limit} is not allowed; give a whole number from 1 on`);
}

/** What every broker refuses to tell. @throws RangeError */
export function checkTell(data: Uint8Array, { keepMs }: TellOptions): void {
  if (!(data instanceof Uint8Array)) throw new RangeError(`tell: ${kindOf(data)} is not allowed; give a Uint8Array`);
  if (data.byteLength > MAX_TELL_BYTES) throw new RangeError(`tell: ${data.byteLength} bytes are not allowed; give at most ${MAX_TELL_BYTES}`);
  if (keepMs !== undefined && !(keepMs >= 1 && keepMs <= MAX_KEEP_MS)) {
    throw new RangeError(`keepMs: ${keepMs} is not allowed; give milliseconds, from 1 to ${MAX_KEEP_MS}`);
  }
}
