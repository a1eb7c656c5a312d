import { peerError, type ClosureCode, type ConnectionError, type Fault } from "../base/errors.ts";
import { faults } from "../wire/faults.ts";

/** What `ws` reports: its codes are documented. */
export type WsError = Error & { readonly code?: string };

/** By the number that ends the message of the error. */
const numbered: Readonly<Record<string, (value: number) => Fault>> = {
  WS_ERR_INVALID_OPCODE: (opcode) => (opcode === 0 ? faults.strayContinuation : opcode < 3 ? faults.interleavedMessage : faults.unknownOpcode(opcode)),
  WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH: (length) => (length === 1 ? faults.closeOneByte : faults.longControl),
  WS_ERR_INVALID_CLOSE_CODE: faults.closeCode,
};

const fixed: Readonly<Record<string, Fault>> = {
  WS_ERR_UNEXPECTED_RSV_2_3: faults.reservedBits,
  // Of our three faults of RSV1 it does not say which.
  WS_ERR_UNEXPECTED_RSV_1: { code: "ERR_PROTOCOL", text: "RSV1 set where it may not be" },
  WS_ERR_EXPECTED_FIN: faults.fragmentedControl,
  WS_ERR_EXPECTED_MASK: faults.notMasked,
};

/** It does not say more: a limit may be that of another route, and bad UTF-8 that of a close reason. */
const plain: Readonly<Record<string, ClosureCode>> = {
  WS_ERR_INVALID_UTF8: "ERR_UTF8",
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: "ERR_MESSAGE_TOO_BIG",
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: "ERR_MESSAGE_TOO_BIG",
  WS_ERR_TOO_MANY_BUFFERED_PARTS: "ERR_TOO_MANY_FRAGMENTS",
};

/** What an error of `ws` means for the connection, in the words of our own parser where it says as much. */
export function readFault(error: WsError): ConnectionError {
  const { code = "", message } = error;
  if (code.startsWith("Z_")) return peerError(faults.deflate, error);
  if (!code.startsWith("WS_ERR_")) return peerError("ERR_SOCKET", error);
  const number = / (\d{1,5})$/.exec(message)?.[1];
  const fault = number === undefined ? undefined : numbered[code]?.(Number(number));
  return peerError(fault ?? fixed[code] ?? plain[code] ?? "ERR_PROTOCOL", error);
}
