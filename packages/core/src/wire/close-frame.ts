import { isUtf8 } from "node:buffer";
import { isSendableCloseCode } from "../base/close-code.ts";
import type { Fault } from "../base/errors.ts";
import { faults } from "./faults.ts";

export interface ReceivedClose {
  readonly code: number;
  readonly reason: string;
}

/** What the payload of a close frame says (RFC 6455 §5.5.1), 1005 when it is empty; or what is wrong with it. */
export function readCloseFrame(payload: Buffer): ReceivedClose | Fault {
  if (payload.byteLength === 0) return { code: 1005, reason: "" };
  if (payload.byteLength === 1) return faults.closeOneByte;
  const code = payload.readUInt16BE(0);
  if (!isSendableCloseCode(code)) return faults.closeCode(code);
  const reason = payload.subarray(2);
  return isUtf8(reason) ? { code, reason: reason.toString("utf8") } : faults.closeReason;
}
