import type { CloseInfo } from "./close-code.ts";
import type { ConnectionError } from "./errors.ts";
import type { StreamedMessage } from "./incoming-stream.ts";
import type { Message } from "./message.ts";
import type { Outbox } from "./outbox.ts";
import type { PreparedMessage } from "./prepared-message.ts";

/**
 * What a connection needs from the wire. An engine MUST keep the order of everything it is given, MUST NOT throw for
 * anything the network does, and MUST call `closed` exactly once and last. It MUST NOT deliver a message while paused
 * by a call from outside its own delivery.
 */
export interface Engine {
  /** Where messages can be put past the sender, when it allows that. */
  readonly outbox: Outbox | undefined;
  /** Bytes that wait to leave. */
  readonly bufferedBytes: number;
  /** Messages that wait and have not been given to the socket. */
  readonly queuedMessages: number;
  /** Since when (clock time) bytes wait that the peer does not take, or 0. */
  readonly blockedSince: number;
  /** Since when (clock time) a message is begun and not complete, or 0. */
  readonly partialSince: number;
  /** It holds bytes of the peer that it has not read yet, so that what seems late may be here. */
  readonly isBehind: boolean;
  /** Begins to deliver. */
  start(events: EngineEvents): void;
  send(message: PreparedMessage): void;
  /** One fragment of a message; nothing but control frames may be sent until the last one (RFC 6455 §5.4). */
  sendFragment(data: Buffer, position: FragmentPosition): void;
  /** Gives the socket what waits, now. */
  flush(): void;
  /** @param data At most 125 bytes. */
  ping(data: Buffer): void;
  /** Sends a close frame after everything that waits. @param code 1005 for an empty one. */
  close(code: number, reason: string): void;
  /** Forgets the messages that wait and have not been given to the socket. */
  discard(): void;
  /** Ends the TCP connection now. */
  terminate(): void;
  pause(): void;
  resume(): void;
}

export interface FragmentPosition {
  readonly isBinary: boolean;
  readonly first: boolean;
  readonly last: boolean;
}

export interface EngineEvents {
  message(message: Message): void;
  /** In place of `message`, for a handler that takes streams: one begins. */
  stream(message: StreamedMessage): void;
  /** So many bytes of it came; told before they are in it. */
  streamBytes(bytes: number): void;
  ping(data: Buffer): void;
  pong(data: Buffer): void;
  /** Any byte came in. */
  alive(): void;
  /** The socket takes data again. */
  drain(): void;
  /** The peer's close frame came; the engine answers it. */
  closing(): void;
  /** The peer broke a rule, or the socket failed; the engine stops reading and the connection must end it. */
  fail(error: ConnectionError): void;
  closed(info: CloseInfo): void;
}
