import type { Socket } from "node:net";

/**
 * Tells whether another library on the same server has taken an upgrade request: it has written to the socket, reads from it
 * or has ended it. That cannot be told from its listeners alone: many answer only after a question of their own.
 */
export class NeighbourWatch {
  readonly #socket: Socket;
  readonly #written: number;
  readonly #readable: number;

  /** Make it before any other listener has seen the request. */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.#written = bytesOf(socket);
    this.#readable = socket.readableLength;
  }

  get isTaken(): boolean {
    const socket = this.#socket;
    return (
      socket.destroyed ||
      socket.writableEnded ||
      bytesOf(socket) > this.#written ||
      socket.listenerCount("data") > 0 ||
      socket.listenerCount("readable") > 0 ||
      socket.readableFlowing === true
    );
  }

  /** Whether another listener has put the bytes behind the request back into the socket, as http-proxy does at once. */
  get isHeadPutBack(): boolean {
    return this.#socket.readableLength > this.#readable;
  }
}

function bytesOf(socket: Socket): number {
  return socket.bytesWritten + socket.writableLength;
}
