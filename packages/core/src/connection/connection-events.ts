import type { CloseInfo } from "../base/close-code.ts";
import type { ConnectionError } from "../base/errors.ts";
import type { StreamedMessage } from "../wire/incoming-stream.ts";
import type { Message } from "../wire/message.ts";

/** What the `leaving` hook is told. */
export interface Leaving {
  /** When to come back, counted from the close frame, in milliseconds; `undefined` where nothing is known of that. */
  readonly retryAfterMs: number | undefined;
  /** The code of the close frame that follows. */
  readonly code: number;
}

/** How a connection is closed when its server or its hub goes away. */
export interface Farewell extends Leaving {
  readonly reason: string;
}

/** What a connection tells the object that runs its handler. None of these may throw. `Source` is the inbound half of a connection. */
export interface ConnectionEvents<Source> {
  /** How many messages of one connection may have an async `message` or `stream` hook that has not settled. */
  readonly concurrency: number;
  /** Whether messages come as streams. */
  readonly streams: boolean;
  /** `open` has not settled in its time. */
  late(source: Source): void;
  message(source: Source, message: Message): void;
  stream(source: Source, message: StreamedMessage): void;
  ping(source: Source, data: Buffer): void;
  pong(source: Source, data: Buffer): void;
  drain(source: Source): void;
  leaving(source: Source, notice: Leaving): void;
  error(source: Source, error: ConnectionError): void;
  close(source: Source, info: CloseInfo): void;
}
