import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Socket } from "node:net";
import { Server as TlsServer, TLSSocket } from "node:tls";
import type { Clock, Timer } from "../base/clock.ts";
import type { RefusalCode } from "../base/errors.ts";
import { isHttpSocket } from "./http-listeners.ts";
import { refusal, sendBare } from "../checks/refusal.ts";
import { ServedClock } from "../base/served-clock.ts";
import type { AttachableServer } from "./server.ts";
import { channels } from "../base/channels.ts";

// Against clients that connect and then send no request, or send it byte by byte (slowloris): each holds a socket of the server. Node's
// own `headersTimeout` cannot help, since how often it is checked (every 30 s) is fixed when the server is made, and `attach` comes
// later. The guard notes each connection when it is accepted and forgets it when Node tells on a diagnostics channel that its first
// request has begun; all have the same time, so one timer for the oldest is enough. 2,000 clients that send nothing, half a line
// or one header a second are closed within 15 s, and a good client is served in under 100 ms meanwhile (`npm run siege`, `slow`).

/** A channel of Node. It tells of every request but upgrades and CONNECT, whatever listeners were added or taken away. */
const REQUEST_START = "http.server.request.start";
/** Most sockets that are ended in one turn of the event loop: thousands at once would hold up every other connection. */
const SLICE = 100;

/** A connection that has not sent a complete request head yet. */
interface Waiting {
  /** The TCP socket until the TLS handshake is done, then the TLS socket. */
  socket: Socket;
  readonly deadline: number;
  /** The TCP socket, also when `socket` has become another. */
  readonly accepted: Socket;
}

interface RequestStart {
  readonly socket: Socket;
  readonly server: unknown;
}

export interface HeadGuardOptions {
  readonly clock: Clock;
  /** From the connection to the end of its first request head. Milliseconds. */
  readonly timeoutMs: number;
  /** Most connections that may be without a request head at a time. */
  readonly max: number;
}

/** Ends connections of one server whose FIRST request head is late. Later requests of a connection are left to Node. */
export class HeadGuard {
  readonly #server: AttachableServer;
  readonly #options: HeadGuardOptions;
  readonly #clock: ServedClock;
  /** The oldest first: all have the same time, and a `Map` keeps the order. */
  readonly #waiting = new Map<Socket | string, Waiting>();
  /** Only for TLS: the key of each accepted socket. Once a socket is closed, it has no addresses to make the key from. */
  readonly #keys: WeakMap<Socket, string> | undefined;
  readonly #onClose: (this: Socket) => void;
  #timer: Timer | undefined;

  constructor(server: AttachableServer, options: HeadGuardOptions) {
    this.#server = server;
    this.#options = options;
    this.#clock = ServedClock.from(options.clock);
    const forget = (socket: Socket): void => this.#forget(socket);
    this.#onClose = function onClose() {
      forget(this);
    };
    // A plain HTTP/2 server has sessions and no request heads.
    if (!("headersTimeout" in server)) return;
    server.on("connection", this.#onConnection);
    if (!(server instanceof TlsServer)) return;
    this.#keys = new WeakMap();
    server.on("secureConnection", this.#onSecureConnection);
  }

  /** Stops watching, and leaves no listener on the server or its sockets. */
  detach(): void {
    this.#server.off("connection", this.#onConnection);
    this.#server.off("secureConnection", this.#onSecureConnection);
    for (const { accepted } of this.#waiting.values()) this.#forget(accepted);
    this.#timer?.cancel();
    this.#rest();
  }

  /** How many connections have not sent a complete request head. */
  get count(): number {
    return this.#waiting.size;
  }

  /** The head is complete. */
  arrived(socket: Socket): void {
    this.#forget(socket);
  }

  #forget(socket: Socket): void {
    const key = this.#keyOf(socket);
    const waiting = this.#waiting.get(key);
    // Ports are used again: a late `close` of a TLS socket may have the key of a newer connection.
    if (waiting === undefined || (waiting.socket !== socket && waiting.accepted !== socket)) return;
    this.#waiting.delete(key);
    this.#keys?.delete(waiting.accepted);
    waiting.accepted.off("close", this.#onClose);
  }

  readonly #onConnection = (socket: Socket): void => {
    // Without a port (a Unix socket) the TLS socket cannot be matched to this one: it is noted at the end of the TLS handshake.
    if (this.#keys === undefined || socket.remotePort !== undefined) this.#add(socket);
  };

  readonly #onSecureConnection = (socket: TLSSocket): void => {
    const waiting = this.#waiting.get(this.#keyOf(socket));
    // `socket` is not noted yet, only the TCP socket below it.
    if (socket.alpnProtocol === "h2") return waiting && this.#forget(waiting.accepted);
    if (waiting === undefined) return this.#add(socket);
    waiting.socket = socket;
  };

  #add(socket: Socket): void {
    // `server.emit("connection", stream)` takes any stream, and one that is no socket has neither a byte count nor an address.
    if (!(socket instanceof Socket) || socket.destroyed) return;
    const key = this.#keyOf(socket);
    const { timeoutMs, max } = this.#options;
    const before = this.#waiting.get(key);
    // A listener of the application may emit the same connection once more.
    if (before?.accepted === socket) return;
    // Another connection had this key; it is gone, and its `close` event is still to come.
    if (before !== undefined) this.#forget(before.accepted);
    socket.on("close", this.#onClose);
    this.#waiting.set(key, { socket, deadline: this.#clock.now() + timeoutMs, accepted: socket });
    if (typeof key === "string") this.#keys?.set(socket, key);
    if (this.#timer === undefined) {
      subscribe(REQUEST_START, this.#onRequestStart);
      this.#arm();
    }
    // The oldest is dropped and not the newest: a good client needs its place for one round trip only, so slow ones cannot keep it out.
    for (const oldest of this.#waiting.values()) {
      if (this.#waiting.size <= max) return;
      this.#drop(oldest, "ERR_TOO_MANY_HANDSHAKES");
    }
  }

  /** Over TLS a connection has two socket objects that do not refer to each other, but both have the same addresses and ports. */
  #keyOf(socket: Socket): Socket | string {
    if (this.#keys === undefined) return socket;
    const known = this.#keys.get(socket);
    if (known !== undefined) return known;
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (remotePort === undefined) return socket;
    return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
  }

  readonly #onRequestStart = (message: unknown): void => {
    const { socket, server } = message as RequestStart;
    if (server === this.#server) this.arrived(socket);
  };

  #arm(): void {
    const [oldest] = this.#waiting.values();
    if (oldest === undefined) return this.#rest();
    this.#timer = this.#clock.after(Math.max(0, oldest.deadline - this.#clock.now()), this.#onTime);
  }

  #rest(): void {
    this.#timer = undefined;
    // Not in `#forget`: to unsubscribe while the channel publishes makes it skip the next subscriber.
    unsubscribe(REQUEST_START, this.#onRequestStart);
  }

  readonly #onTime = (): void => {
    const now = this.#clock.now();
    let left = SLICE;
    for (const waiting of this.#waiting.values()) {
      if (waiting.deadline > now || left-- === 0) break;
      this.#drop(waiting, "ERR_HANDSHAKE_TIMEOUT");
    }
    this.#arm();
  };

  #drop({ socket, accepted }: Waiting, code: RefusalCode): void {
    this.#forget(accepted);
    const isInTlsHandshake = this.#keys !== undefined && !(socket instanceof TLSSocket);
    // CONNECT, or an upgrade that another listener took: the socket does not belong to the HTTP server any more.
    if (!isInTlsHandshake && !isHttpSocket(socket)) return;
    channels.dropped.publish({ code, remoteAddress: socket.remoteAddress });
    // Browsers and proxies open connections in advance: one would take a 408 now for the answer to its next request.
    if (isInTlsHandshake || socket.bytesRead === 0) socket.destroy();
    else sendBare(socket, refusal(code));
  }
}
