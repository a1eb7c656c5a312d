import { MAX_CONTROL_BYTES } from "./frame.ts";

/**
 * Close codes: RFC 6455 §7.4.1, the IANA WebSocket Close Code Number Registry, and upwire's own in the private range 4000 to 4999.
 * "Retry" says what a client should do: `retry` (reconnect with back-off) or `stop` (reconnecting gives the same answer).
 */
export const CloseCode = {
  /** The purpose is fulfilled; stop. */
  normal: 1000,
  /** The server goes down or the page was left; retry. */
  goingAway: 1001,
  /** The peer broke RFC 6455; stop. */
  protocolError: 1002,
  /** A type of data that the endpoint cannot take; stop. */
  unsupportedData: 1003,
  /** Never on the wire: the close frame carried no code. */
  noStatus: 1005,
  /** Never on the wire: the TCP connection ended without a close frame; retry. */
  abnormal: 1006,
  /** Text that is not UTF-8, or corrupt compressed data; stop. */
  invalidPayload: 1007,
  /** A rule of this server was broken; stop. */
  policyViolation: 1008,
  /** A message over the receiver's limit; stop. */
  tooBig: 1009,
  /** The client needs an extension that the server did not choose; stop. */
  mandatoryExtension: 1010,
  /** The server's own handler failed; retry. */
  internalError: 1011,
  /** A planned restart; retry. */
  serviceRestart: 1012,
  /** This client cannot keep up, or the server is overloaded; retry later. */
  tryAgainLater: 1013,
  /** A gateway got a bad answer from upstream; retry. */
  badGateway: 1014,
  /** More messages or bytes than the server lets one client send; retry later. */
  rateLimit: 4429,
} as const;

/** How a connection ended. */
export interface CloseInfo {
  /** The code of the close frame; 1005 when it carried none, 1006 when there was no close frame. */
  readonly code: number;
  /** The reason of the close frame, at most 123 bytes of UTF-8; empty when there was none. */
  readonly reason: string;
  /** True when both sides exchanged close frames (RFC 6455 §7.1.4). */
  readonly wasClean: boolean;
}

/** May `code` stand in a close frame? RFC 6455 §7.4 and the IANA registry; 1004, 1005, 1006 and 1015 may not. */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/** RFC 6455 §5.5.1: a close frame spends two of its bytes on the code. */
const MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2;

/** @throws RangeError for a code or reason that may not stand in a close frame. */
export function checkClose(code: number, reason: string): void {
  if (!isSendableCloseCode(code)) throw new RangeError(`${code} may not be sent as a close code`);
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) throw new RangeError(`A close reason has at most ${MAX_REASON_BYTES} bytes`);
}

/**
 * True when the connection ended with a code that is not among `expected`.
 * The counterpart of gorilla/websocket's `IsUnexpectedCloseError`.
 */
export function isUnexpectedClose(info: CloseInfo, ...expected: readonly number[]): boolean {
  return !expected.includes(info.code);
}
