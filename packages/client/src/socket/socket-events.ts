/** A message of the server. */
export interface SocketMessageEvent extends Event {
  // As a `MessageEvent` has it, so that code for a `WebSocket` compiles.
  readonly data: unknown;
  readonly origin: string;
  readonly lastEventId: string;
}

/**
 * The connection is gone. `code`, `reason` and `wasClean` are those of the `WebSocket` that it went over; 1006 where there was
 * none, since an address or a handshake failed. While `retryAt` is set it will be tried again.
 */
export interface SocketCloseEvent extends Event {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  /** When the next try is, milliseconds since 1970; `undefined` when there is none. */
  readonly retryAt?: number | undefined;
}

/** The events of a `ReconnectingSocket`. */
export interface SocketEvents {
  readonly open: Event;
  readonly message: SocketMessageEvent;
  readonly error: Event;
  readonly close: SocketCloseEvent;
}

/** A function, or an object with one, as `addEventListener` takes it. */
export type SocketListener<E> = ((event: E) => void) | { handleEvent(event: E): void };

/** What `addEventListener` takes beside the listener. */
export interface SocketListenOptions {
  readonly capture?: boolean;
  readonly once?: boolean;
  readonly passive?: boolean;
  readonly signal?: AbortSignal;
}
