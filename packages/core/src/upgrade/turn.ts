import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { holdSocket, letGoOf, type SocketHolder } from "../connection/socket-owner.ts";
import { unfinishedResponses } from "./earlier-responses.ts";

/**
 * An upgrade request that waits for the earlier responses on its connection. Node has taken its own listeners off the socket
 * by then, so what they did for those responses is done here: a download that waits for `drain` would stand still for ever.
 */
export class Turn implements SocketHolder {
  readonly socket: Socket;
  readonly #came: () => void;
  readonly #gone: () => void;

  /** @param came Called once when every earlier response is finished. @param gone Called instead when the socket has closed. */
  constructor(socket: Socket, came: () => void, gone: () => void) {
    this.socket = socket;
    this.#came = came;
    this.#gone = gone;
    holdSocket(socket, this);
    socket.on("drain", this.#onDrain);
    this.#awaitNext();
  }

  onEnd(): void {
    // The client may still read what it asked for before.
  }

  onError(): void {
    this.socket.destroy();
  }

  onSocketClose(): void {
    this.#leave();
    // Requests that still wait in line would never learn that their client has left.
    for (const { req } of unfinishedResponses(this.socket)) req.destroy();
    this.#gone();
  }

  #awaitNext(): void {
    const last = unfinishedResponses(this.socket).at(-1);
    if (last !== undefined) last.once("close", this.#onClose);
    else if (!this.socket.destroyed) this.#come();
  }

  #come(): void {
    this.#leave();
    // Behind many pipelined requests Node leaves the handle stopped: it is started by the next read, once one is due.
    this.socket.push("");
    this.#came();
  }

  #leave(): void {
    this.socket.off("drain", this.#onDrain);
    unfinishedResponses(this.socket).at(-1)?.off("close", this.#onClose);
    letGoOf(this.socket);
  }

  readonly #onClose = (): void => this.#awaitNext();

  /** Passes `drain` on to the response whose turn it is, as Node does while it has the socket. */
  readonly #onDrain = (): void => {
    const current: ServerResponse | undefined = unfinishedResponses(this.socket).find(({ socket }) => socket === this.socket);
    if (current?.writableNeedDrain === true) current.emit("drain");
  };
}
