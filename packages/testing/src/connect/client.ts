import type { IncomingHttpHeaders } from "node:http";

/** One message of the server. */
export interface ServerMessage {
  /** False for a text message. */
  readonly isBinary: boolean;
  /** The payload. */
  readonly bytes: Buffer;
  /** The payload as UTF-8. */
  text(): string;
  /** The payload parsed as JSON. @throws SyntaxError that shows the payload, for what is not JSON. */
  json(): unknown;
}

/** How a connection ended, as a browser's `close` event tells it. */
export interface CloseOfServer {
  /** 1005 when the close frame of the server had none, 1006 when there was no close frame. */
  readonly code: number;
  readonly reason: string;
}

export interface NextOptions {
  /** Milliseconds. @default `messageTimeoutMs` of `connectTo` */
  readonly timeoutMs?: number;
}

/** An open WebSocket to a route under test. It answers pings and close frames by itself, as a browser does. */
export interface TestClient extends AsyncIterable<ServerMessage>, AsyncDisposable {
  /** The subprotocol that the server chose, `""` if none. */
  readonly subprotocol: string;
  /** The headers of the 101: cookies are in `headers["set-cookie"]`. */
  readonly headers: IncomingHttpHeaders;
  /** Settles when the connection is over, on either side's word. Never rejects. */
  readonly closed: Promise<CloseOfServer>;
  /** Sends a string as a text message, bytes as a binary one. @throws Error when the connection is over. */
  send(data: string | Uint8Array): void;
  /** Sends `JSON.stringify(value)` as a text message. @throws Error when the connection is over. */
  sendJson(value: unknown): void;
  /**
   * The oldest message that was not taken yet, or the next one.
   * @throws Error that says what was waited for and what came before, when none comes in time or the connection ends first.
   */
  next(options?: NextOptions): Promise<ServerMessage>;
  /**
   * Closes the connection, and waits until it is over and, behind the last client of the application, until the server is closed.
   * @param code 1000, or 3000 to 4999. @default 1000
   * @param reason At most 123 bytes of UTF-8.
   * @throws RangeError for another code or a longer reason; then nothing is sent.
   */
  close(code?: number, reason?: string): Promise<CloseOfServer>;
  /** `close()`, for `await using client = await connectTo(app, "/ws")`. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Every message from here on, until the connection is over. */
  [Symbol.asyncIterator](): AsyncIterator<ServerMessage, undefined>;
}
