import { shownValue } from "@upwire/core/adapter";
import { isSendableCloseCode } from "@upwire/protocol";

/** RFC 6455 §5.5.1: two of the 125 bytes of a close frame are the code. */
const MAX_REASON_BYTES = 123;

/** Whether a close frame may carry these. */
export function isClose(code: unknown, reason: unknown): boolean {
  return isCode(code) && typeof reason === "string" && Buffer.byteLength(reason) <= MAX_REASON_BYTES;
}

/** @throws RangeError or TypeError for what a close frame may not carry. */
export function checkClose(code: unknown, reason: unknown): void {
  if (!isCode(code)) throw new RangeError(`close: the code ${shownValue(code)} is not allowed; give 1000 to 1003, 1007 to 1014, or 3000 to 4999`);
  if (typeof reason !== "string") throw new TypeError(`close: the reason ${shownValue(reason)} is not allowed; give a string`);
  if (!isClose(code, reason)) throw new RangeError(`close: a reason of ${Buffer.byteLength(reason)} bytes is not allowed; give at most ${MAX_REASON_BYTES}`);
}

function isCode(code: unknown): boolean {
  return typeof code === "number" && isSendableCloseCode(code);
}
