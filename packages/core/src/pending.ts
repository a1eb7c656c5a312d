import type { Socket } from "node:net";
import { inSlices } from "./closing.ts";

/** The sockets of handshakes that are under way. */
export class PendingHandshakes {
  readonly #sockets = new Set<Socket>();
  #waiting: (() => void)[] = [];

  get size(): number {
    return this.#sockets.size;
  }

  add(socket: Socket): void {
    this.#sockets.add(socket);
  }

  /** It became a WebSocket, or was answered otherwise, or is gone. */
  delete(socket: Socket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Settles as soon as none is under way. */
  async over(): Promise<void> {
    if (this.#sockets.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  destroy(): void {
    inSlices([...this.#sockets], (socket) => socket.destroy());
  }
}
