import type { CloseInfo } from "../base/close-code.ts";
import type { ClosureCode } from "../base/errors.ts";
import type { FrameOutput } from "../send/frame-output.ts";

/**
 * What carries one connection: a socket, a stream of HTTP/2, the WebSocket of another library, or memory in a unit test.
 * `upgrader.open(transport, approval, handler)` makes a connection over it.
 *
 * Outbound, a transport gets whole WebSocket frames, in their order, by `output`. One that frames by itself takes them apart again.
 * Inbound, it gives whole messages, and tells of control frames. Everything between is the connection's: the order of what leaves,
 * its limits, the close handshake, deadlines and the heartbeat.
 *
 * - It MUST NOT throw for anything the network does, from none of its methods.
 * - It MUST tell `closed` exactly once and last, also when it was gone before `start`. That is the one event it may tell within `start`.
 * - It MUST NOT tell `text` or `binary` while paused: it looks again between two messages.
 * - It SHOULD tell everything outside of the async context of any request: see `AsyncLocalStorage`.
 */
export interface Transport {
  /** Where frames go. The same object for as long as the transport lives. */
  readonly output: FrameOutput;
  /** Pings of the peer are answered already when they are told. @default false, then the connection writes the pong */
  readonly answersPings?: boolean;
  /**
   * Since when a message is begun and not complete, by the `clock` of the Upgrader in milliseconds, or 0: `messageTimeoutMs` counts
   * from here. @default 0, for one that cannot tell
   */
  readonly partialSince?: number;
  /** It holds bytes of the peer that it has not read yet, so that what seems late may be here. @default false */
  readonly isBehind?: boolean;
  /** Called once, at the end of making the connection: from now on it delivers. It begins in a later turn. */
  start(events: TransportEvents): void;
  /** Reads nothing more until `resume`, so that the peer is held back. May be called again. */
  pause(): void;
  /** Reads on. May be called again, and at any time; what it has read already may be told at once. */
  resume(): void;
  /** Ends everything now, without a close frame; `closed` follows. May be called again. */
  terminate(): void;
}

/** Why what comes in cannot be understood any more. A `ConnectionError` is one. */
export interface TransportFault {
  /** One of the keys of `closures`, such as `ERR_PROTOCOL`, or `ERR_SOCKET` when the network failed and no close frame can be sent. */
  readonly code: ClosureCode | (string & {});
  /** What it was made of, if anything. */
  readonly cause?: unknown;
}

/** What a transport tells its connection. None of these throws. */
export interface TransportEvents {
  /** Longer messages MUST NOT be told: the transport tells `broken` with `ERR_MESSAGE_TOO_BIG`, where it can before it takes memory. */
  readonly limits: { readonly maxMessageBytes: number };
  /** Bytes of the peer came, whatever is in them. Told before what they hold. */
  alive(): void;
  /** A complete text message came. @param bytes Its payload: MUST be valid UTF-8, and MUST NOT change from now on. */
  text(bytes: Buffer): void;
  /** A complete binary message came. @param bytes Its payload: MUST NOT change from now on. */
  binary(bytes: Buffer): void;
  /** A ping came (RFC 6455 §5.5.2). @param data At most 125 bytes. */
  ping(data: Buffer): void;
  pong(data: Buffer): void;
  /**
   * The peer's close frame came, and nothing after it counts. The connection answers it unless it has sent its own, and ends the
   * output. A transport that answers close frames by itself only tells `closed`. @param code 1005 for an empty frame.
   */
  closeFrame(code: number, reason: string): void;
  /** The peer has ended its side without a close frame: nothing more can come. */
  ended(): void;
  /** The peer broke a rule, or the network failed. The transport tells nothing more but `closed`, which the connection brings about. */
  broken(fault: TransportFault): void;
  /** The output takes frames again, after `writableNeedDrain`. */
  writable(): void;
  /** It is over. @param info Where the transport did the close handshake itself; else the connection knows it by the close frames. */
  closed(info?: CloseInfo): void;
}
