import type { ConnectionError } from "../base/errors.ts";
import type { StreamedMessage } from "./incoming-stream.ts";
import type { Message } from "./message.ts";
import type { WorkBudget } from "./work-budget.ts";

/** Gets what a reader reads. After `onClose` or `onFault` nothing more is called. */
export interface FrameSink {
  /** A complete message; text is valid UTF-8. */
  onMessage(message: Message): void;
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /** A close frame; 1005 when it was empty. */
  onClose(code: number, reason: string): void;
  /** The client broke the protocol: the bytes after this cannot be understood. */
  onFault(error: ConnectionError): void;
  /** `read` has returned false, and now the reader takes more. */
  onReady(): void;
}

/** The same for a reader that gives messages as streams. */
export interface StreamSink extends FrameSink {
  /** A message begins. Its bytes follow into the stream; a message that came whole is complete already. */
  onStream(message: StreamedMessage): void;
  /** So many more bytes of the message came. Called before they are in the stream. */
  onStreamBytes(bytes: number): void;
}

/** Makes a reader give messages as streams. */
export interface Streaming {
  readonly sink: StreamSink;
  /** Longest message. */
  readonly maxBytes: number;
}

export interface ReaderLimits {
  readonly maxMessageBytes: number;
  readonly maxFragments: number;
}

/** For both kinds of readers. */
export interface AllReaderLimits extends ReaderLimits {
  readonly maxStreamBytes: number;
}

export interface ReaderSetup<Limits extends ReaderLimits = ReaderLimits> {
  readonly limits: Limits;
  /** Whether permessage-deflate was agreed, without context takeover by the client. */
  readonly inflates: boolean;
  /** The time of the heartbeat. Milliseconds. */
  readonly now: () => number;
  /** What may be inflated in one turn; without it, everything. */
  readonly budget?: WorkBudget | undefined;
}

/** Makes the reader of one connection. */
export type MakeReader = (sink: StreamSink, setup: ReaderSetup<AllReaderLimits>) => FrameReader;

/**
 * The seam between a socket and what reads its frames: `MessageReader`, or the Receiver of `ws`, with which the same tests run as a
 * control. A reader MUST check each limit before it takes memory, and MUST NOT throw for any input.
 */
export interface FrameReader {
  /** When the frame or message that is not complete yet began, by the heartbeat's clock, or 0 when there is none. Milliseconds. */
  readonly partialSince: number;
  /** Takes the next bytes. @returns false when no more should come until `onReady`. */
  read(chunk: Buffer): boolean;
  /** Gives no more messages until `resume`. A reader that cannot stop within a chunk gives those of the chunk. */
  pause(): void;
  resume(): void;
  /** Frees its memory, and gives nothing more. */
  release(): void;
}
