/** The part of a `WebSocket` that is used here: browsers' own, and the class of the package `ws`. */
export interface SocketLike {
  readonly readyState: 0 | 1 | 2 | 3;
  readonly protocol: string;
  readonly extensions: string;
  readonly bufferedAmount: number;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  /** Bytes as well, of which each class has a type of its own. */
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** A class of sockets, such as `WebSocket` itself. */
export type SocketClass = new (url: string, protocols: string[]) => SocketLike;

/** How a connection ended. */
export interface Closing {
  /** Of the close frame; 1006 without one. */
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}
