import type { ConnectionError } from "../base/errors.ts";
import type { StreamedMessage } from "./incoming-stream.ts";
import type { Message } from "./message.ts";
import type { WorkBudget } from "./work-budget.ts";

/** What a reader tells; after `onClose` or `onFault` nothing more. */
export interface FrameSink {
  /** A complete message; text is valid UTF-8. */
  onMessage(message: Message): void;
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /** A close frame; 1005 when it was empty. */
  onClose(code: number, reason: string): void;
  /** The stream is broken: nothing behind this can be understood. */
  onFault(error: ConnectionError): void;
  /** `read` said no, and now takes more. */
  onReady(): void;
}

/** What a reader tells that gives messages as streams. */
export interface StreamSink extends FrameSink {
  /** A message begins. Its bytes come into it, or whole it comes complete. */
  onStream(message: StreamedMessage): void;
  /** So many bytes of it came; told before they are in it. */
  onStreamBytes(bytes: number): void;
}

/** For a reader that gives streams of at most so many bytes each. */
export interface Streaming {
  readonly sink: StreamSink;
  readonly maxBytes: number;
}

/** Our own reader, or `ws`'s Receiver. */
export type ReaderKind = "own" | "ws";

export interface ReaderLimits {
  readonly maxMessageBytes: number;
  readonly maxFragments: number;
}

/** For both kinds of readers. */
export interface AllReaderLimits extends ReaderLimits {
  readonly maxStreamBytes: number;
}

/** Makes the reader of one connection; `inflates` when compression was agreed, and then with a share of what may be inflated in a turn. */
export type MakeReader = (sink: StreamSink, limits: AllReaderLimits, inflates: boolean, now: () => number, budget?: WorkBudget) => FrameReader;

/**
 * The seam between the socket and the two readers: ours, and `ws`'s, which stays as the control that the same tests run
 * against. A reader MUST check every limit before it takes memory and MUST NOT throw for any input.
 */
export interface FrameReader {
  /** Since when (clock time) a frame or message is begun and not complete, or 0. */
  readonly partialSince: number;
  /** Takes the next bytes. @returns false when it wants no more until `onReady`. */
  read(chunk: Buffer): boolean;
  /** No more messages until `resume`; a reader that cannot stop inside a chunk finishes it. */
  pause(): void;
  resume(): void;
  /** Frees what it holds. */
  release(): void;
}
