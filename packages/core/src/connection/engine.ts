import type { CloseInfo } from "../base/close-code.ts";
import type { ConnectionError } from "../base/errors.ts";
import type { StreamedMessage } from "../wire/incoming-stream.ts";
import type { Message } from "../wire/message.ts";
import type { SendQueue } from "../send/send-queue.ts";

/**
 * What a connection needs from the wire. An engine MUST NOT throw for anything the network does, MUST call `closed` exactly
 * once and last, and MUST NOT deliver a message while paused by a call from outside its own delivery.
 */
export interface Engine {
  /** What leaves, in its order. The engine tells it when the socket takes data again. */
  readonly queue: SendQueue;
  /** Since when (clock time) a message is begun and not complete, or 0. */
  readonly partialSince: number;
  /** It holds bytes of the peer that it has not read yet, so that what seems late may be here. */
  readonly isBehind: boolean;
  /** Begins to deliver. */
  start(events: EngineEvents): void;
  /** Sends a close frame behind everything in the queue. @param code 1005 for an empty one. */
  close(code: number, reason: string): void;
  /** Ends the TCP connection now. */
  terminate(): void;
  pause(): void;
  resume(): void;
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
  /** The peer's close frame came; the engine answers it. */
  closing(): void;
  /** The peer broke a rule, or the socket failed; the engine stops reading and the connection must end it. */
  fail(error: ConnectionError): void;
  closed(info: CloseInfo): void;
}
