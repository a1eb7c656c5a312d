import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** What a socket has beyond a stream. */
const socketMethods = {
  setTimeout(this: Duplex): Duplex {
    return this;
  },
  setNoDelay(this: Duplex): Duplex {
    return this;
  },
  setKeepAlive(this: Duplex): Duplex {
    return this;
  },
  /** As `net.Socket` does it: ends, and is destroyed when everything has been written. */
  destroySoon(this: Duplex): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  },
  bytesWritten: 0,
};

/**
 * The stream of an `upgrade` event as a socket. `server.emit("connection")` takes any stream, a tunnel for one: it gets what it
 * lacks of a socket, as properties of its own.
 */
export function asSocket(stream: Duplex): Socket {
  if (stream instanceof Socket) return stream;
  for (const [name, value] of Object.entries(socketMethods)) {
    if (!(name in stream)) Object.defineProperty(stream, name, { value, configurable: true });
  }
  return stream as Socket;
}
