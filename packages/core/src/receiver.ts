import * as ws from "ws";
import type { DeflateParameters } from "./compression.ts";
import { ConnectionError, type ClosureCode } from "./errors.ts";

/** The frame reader of `ws` and its inflater: exported and documented there, but not in its published types. */
interface Receiver {
  write(chunk: Buffer): boolean;
  destroy(): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): this;
  on(event: "ping" | "pong", listener: (data: Buffer) => void): this;
  on(event: "conclude", listener: (code: number, reason: Buffer) => void): this;
  on(event: "error", listener: (error: Error & { readonly code?: string }) => void): this;
  on(event: "drain", listener: () => void): this;
}

interface PerMessageDeflate {
  accept(offers: readonly Readonly<Record<string, readonly (string | boolean)[]>>[]): unknown;
  cleanup(): void;
}

const exported = ws as unknown as {
  readonly Receiver: new (options: Readonly<Record<string, unknown>>) => Receiver;
  readonly PerMessageDeflate: new (options: Readonly<Record<string, unknown>>) => PerMessageDeflate;
};

export interface ReceiverLimits {
  readonly maxMessageBytes: number;
  readonly maxFragments: number;
}

export interface FrameReader {
  readonly receiver: Receiver;
  /** Frees the inflater. */
  release(): void;
}

export function createReader(limits: ReceiverLimits, deflate: DeflateParameters | undefined): FrameReader {
  const inflate = deflate && new exported.PerMessageDeflate({ isServer: true, maxPayload: limits.maxMessageBytes });
  const agreed: Record<string, readonly (string | boolean)[]> = { server_no_context_takeover: [true] };
  if (deflate?.clientNoContextTakeover === true) agreed["client_no_context_takeover"] = [true];
  inflate?.accept([agreed]);
  const receiver = new exported.Receiver({
    isServer: true,
    extensions: inflate ? { "permessage-deflate": inflate } : {},
    maxPayload: limits.maxMessageBytes,
    maxFragments: limits.maxFragments,
    // Chunks of one unfinished frame: at 64 KiB a read this is far above any message that may pass.
    maxBufferedChunks: 262_144,
  });
  return { receiver, release: () => inflate?.cleanup() };
}

const codes: Readonly<Record<string, ClosureCode>> = {
  WS_ERR_INVALID_UTF8: "ERR_UTF8",
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: "ERR_MESSAGE_TOO_BIG",
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: "ERR_MESSAGE_TOO_BIG",
  WS_ERR_TOO_MANY_BUFFERED_PARTS: "ERR_TOO_MANY_FRAGMENTS",
};

/** What an error of `ws`'s Receiver means for the connection; by the error codes in its documentation. */
export function readFault(error: Error & { readonly code?: string }): ConnectionError {
  const code = error.code ?? "";
  if (code.startsWith("Z_")) return new ConnectionError("ERR_DEFLATE", { cause: error });
  if (!code.startsWith("WS_ERR_")) return new ConnectionError("ERR_SOCKET", { cause: error });
  return new ConnectionError(codes[code] ?? "ERR_PROTOCOL", { cause: error });
}
