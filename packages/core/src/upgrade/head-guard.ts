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

/** Node's own: every request but upgrades and CONNECT, whoever listens or has taken listeners away. */
const REQUEST_START = "http.server.request.start";
/** Sockets ended in one turn of the event loop; thousands at once would hold everybody else up. */
const SLICE = 100;

/** A connection of which no complete request head has come yet. */
interface Waiting {
  /** TCP until the TLS handshake is done, then TLS. */
  socket: Socket;
  readonly deadline: number;
  /** For TLS, where `socket` changes. */
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
  /** Most connections without one. */
  readonly max: number;
}

/**
 * Ends connections of one server whose FIRST request head is late. Node's `headersTimeout` cannot do it: how often it is
 * checked (30 s) is fixed when the server is made. Whatever comes behind that head is left to Node.
 */
export class HeadGuard {
  readonly #server: AttachableServer;
  readonly #options: HeadGuardOptions;
  readonly #clock: ServedClock;
  /** The oldest first, since all have the same time. */
  readonly #waiting = new Map<Socket | string, Waiting>();
  /** Only for TLS, of accepted sockets: one that is closed has forgotten its addresses. */
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
    // Bare HTTP/2 has sessions instead of request heads.
    if (!("headersTimeout" in server)) return;
    server.on("connection", this.#onConnection);
    if (!(server instanceof TlsServer)) return;
    this.#keys = new WeakMap();
    server.on("secureConnection", this.#onSecureConnection);
  }

  /** Watches no connection any more, and leaves no listener on the server or its sockets. */
  detach(): void {
    this.#server.off("connection", this.#onConnection);
    this.#server.off("secureConnection", this.#onSecureConnection);
    for (const { accepted } of this.#waiting.values()) this.#forget(accepted);
    this.#timer?.cancel();
    this.#rest();
  }

  /** How many connections are waited for. */
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
    // An end of TLS that is late may have the key of a connection that came after it.
    if (waiting === undefined || (waiting.socket !== socket && waiting.accepted !== socket)) return;
    this.#waiting.delete(key);
    this.#keys?.delete(waiting.accepted);
    waiting.accepted.off("close", this.#onClose);
  }

  readonly #onConnection = (socket: Socket): void => {
    // A Unix socket has no port to know its TLS socket by: it counts from the end of the TLS handshake.
    if (this.#keys === undefined || socket.remotePort !== undefined) this.#add(socket);
  };

  readonly #onSecureConnection = (socket: TLSSocket): void => {
    const waiting = this.#waiting.get(this.#keyOf(socket));
    // The TLS socket itself is not known yet.
    if (socket.alpnProtocol === "h2") return waiting && this.#forget(waiting.accepted);
    if (waiting === undefined) return this.#add(socket);
    waiting.socket = socket;
  };

  #add(socket: Socket): void {
    // `server.emit("connection")` takes any stream; what is no socket has neither a byte count nor an address.
    if (!(socket instanceof Socket) || socket.destroyed) return;
    const key = this.#keyOf(socket);
    const { timeoutMs, max } = this.#options;
    const before = this.#waiting.get(key);
    // A listener of the application may emit the same connection once more.
    if (before?.accepted === socket) return;
    // The address of a connection that has gone, and whose `close` is still to come. The new one is the youngest.
    if (before !== undefined) this.#forget(before.accepted);
    socket.on("close", this.#onClose);
    this.#waiting.set(key, { socket, deadline: this.#clock.now() + timeoutMs, accepted: socket });
    if (typeof key === "string") this.#keys?.set(socket, key);
    if (this.#timer === undefined) {
      subscribe(REQUEST_START, this.#onRequestStart);
      this.#arm();
    }
    // The oldest goes, not the newest: slow ones cannot keep others out, who need their place for one round trip only.
    for (const oldest of this.#waiting.values()) {
      if (this.#waiting.size <= max) return;
      this.#drop(oldest, "ERR_TOO_MANY_HANDSHAKES");
    }
  }

  /** TLS and TCP sockets of one connection are two objects that do not know each other; both know who is at the ends. */
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
    // Here, and not as soon as nobody waits: leaving a channel while it publishes makes it pass over the next subscriber.
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
    // CONNECT, or an upgrade that was taken from us: HTTP has let go of the socket.
    if (!isInTlsHandshake && !isHttpSocket(socket)) return;
    channels.dropped.publish({ code, remoteAddress: socket.remoteAddress });
    // A browser or a proxy that connects ahead of its need would take an answer for that to its next request.
    if (isInTlsHandshake || socket.bytesRead === 0) socket.destroy();
    else sendBare(socket, refusal(code));
  }
}
