import type { BrokerData, HistoryBounds, PublishOptions, TellOptions } from "./broker.ts";

/** Characters. */
const MAX_KEY_LENGTH = 512;
const MAX_ORIGIN_LENGTH = 64;
/** What a PX of Redis takes, and a timer of Node. Milliseconds. */
const MAX_MS = 2 ** 31;
const MAX_TELL_BYTES = 1_048_576;
/** The longest that a broker keeps what is told. Milliseconds. */
export const MAX_KEEP_MS = 3_600_000;

/**
 * Refuses arguments of `publish` that cannot be meant. A broker that puts publications of several callers into one call must check each
 * before: one of them would make all of them fail. @throws RangeError
 */
export function checkPublish(topic: string, data: BrokerData, options: PublishOptions): void {
  checkTopic(topic);
  if (typeof data !== "string" && !(data instanceof Uint8Array)) throw new RangeError(`publish: ${kindOf(data)} is not allowed; give a string or a Uint8Array`);
  checkOptions("publish", options);
  const { history, key, keyMs, keyOwner, origin } = options;
  if (history !== undefined) checkBounds(history);
  if (keyMs !== undefined) checkTime("keyMs", keyMs);
  checkText("key", key, MAX_KEY_LENGTH);
  checkText("keyOwner", keyOwner, MAX_KEY_LENGTH);
  checkText("origin", origin, MAX_ORIGIN_LENGTH);
}

/** Refuses arguments of `subscribe` that cannot be meant. @throws RangeError */
export function checkSubscribe(topic: string, options: { readonly history?: HistoryBounds }): void {
  checkTopic(topic);
  checkOptions("subscribe", options);
  if (options.history !== undefined) checkBounds(options.history);
}

/** Refuses a topic that is no string. @throws RangeError */
export function checkTopic(topic: string): void {
  if (typeof topic !== "string") throw new RangeError(`topic: ${kindOf(topic)} is not allowed; give a string`);
}

/** Refuses bounds of a history that cannot be meant. @throws RangeError */
export function checkBounds(bounds: HistoryBounds): void {
  checkOptions("history", bounds);
  checkWhole("history.messages", bounds.messages);
  checkWhole("history.bytes", bounds.bytes);
  checkTime("history.ageMs", bounds.ageMs);
}

/** Refuses arguments of `history` that cannot be meant. @throws RangeError */
export function checkHistory(topic: string, after: number, limit: number): void {
  checkTopic(topic);
  checkWhole("after", after);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`history: limit ${String(limit)} is not allowed; give a whole number from 1 on`);
}

/** Refuses arguments of `tell` that cannot be meant. @throws RangeError */
export function checkTell(data: Uint8Array, options: TellOptions): void {
  if (!(data instanceof Uint8Array)) throw new RangeError(`tell: ${kindOf(data)} is not allowed; give a Uint8Array`);
  if (data.byteLength > MAX_TELL_BYTES) throw new RangeError(`tell: ${data.byteLength} bytes are not allowed; give at most ${MAX_TELL_BYTES}`);
  checkOptions("tell", options);
  const { keepMs } = options;
  if (keepMs !== undefined && !(typeof keepMs === "number" && keepMs >= 1 && keepMs <= MAX_KEEP_MS)) {
    throw new RangeError(`keepMs: ${String(keepMs)} is not allowed; give milliseconds, from 1 to ${MAX_KEEP_MS}`);
  }
}

/** A bound of a broker, or a part of one. @throws RangeError */
export function checkWhole(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name}: ${String(value)} is not allowed; give a whole number from 0 on`);
}

function checkTime(name: string, ms: number): void {
  if (typeof ms === "number" && ms > 0 && ms < MAX_MS) return;
  throw new RangeError(`${name}: ${String(ms)} is not allowed; give milliseconds, more than 0 and less than ${MAX_MS}`);
}

function checkText(name: string, text: string | undefined, max: number): void {
  if (text === undefined) return;
  if (typeof text !== "string") throw new RangeError(`${name}: ${kindOf(text)} is not allowed; give a string`);
  if (text.length > max) throw new RangeError(`${name}: ${text.length} characters are not allowed; give at most ${max}`);
}

function checkOptions(name: string, options: object): void {
  if (typeof options !== "object" || options === null) throw new RangeError(`${name}: ${kindOf(options)} is not allowed; give an object with options`);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
