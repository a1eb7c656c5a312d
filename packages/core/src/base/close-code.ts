import { isSendableCloseCode } from "@upwire/protocol";
import { kindOf } from "./kind-of.ts";

export { CloseCode, isSendableCloseCode } from "@upwire/protocol";

/** How a connection ended. */
export interface CloseInfo {
  /** The code of the close frame; 1005 when it carried none, 1006 when there was no close frame. */
  readonly code: number;
  /** The reason of the close frame, at most 123 bytes of UTF-8; empty when there was none. */
  readonly reason: string;
  /** True when both sides exchanged close frames (RFC 6455 §7.1.4). */
  readonly wasClean: boolean;
}

/** RFC 6455 §5.5: control frames carry at most 125 bytes. */
export const MAX_CONTROL_BYTES = 125;
/** RFC 6455 §5.5.1: a close frame spends two of its bytes on the code. */
export const MAX_REASON_BYTES: number = MAX_CONTROL_BYTES - 2;

/** @throws RangeError for a code or reason that may not stand in a close frame. @throws TypeError for a reason that is no text. */
export function checkClose(code: number, reason: string): void {
  if (typeof reason !== "string") throw new TypeError(`A close reason is a string, and this is ${kindOf(reason)}`);
  if (!isSendableCloseCode(code)) throw new RangeError(`${typeof code === "number" ? code : kindOf(code)} may not be sent as a close code`);
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) throw new RangeError(`A close reason has at most ${MAX_REASON_BYTES} bytes`);
}

/**
 * True when the connection ended with a code that is not among `expected`.
 * The counterpart of gorilla/websocket's `IsUnexpectedCloseError`.
 */
export function isUnexpectedClose(info: CloseInfo, ...expected: readonly number[]): boolean {
  return !expected.includes(info.code);
}
