import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "./clock.ts";
import { checkServer } from "./check-server.ts";
import type { CloseInfo } from "./close-code.ts";
import { Closing, closingPlan, inSlices, type CloseAllOptions, type ClosingPlan } from "./closing.ts";
import type { Connection } from "./connection.ts";
import { drainPlan, type DrainOptions } from "./drain.ts";
import { atOnce } from "./guard.ts";
import { guardedClock } from "./guarded-clock.ts";
import { handOverTo, type HandOver } from "./hand-over.ts";
import { isReadableTarget, isWebSocketUpgrade } from "./handshake.ts";
import { HeadGuard } from "./head-guard.ts";
import { attachDefaults, checkCount, defaults } from "./limits.ts";
import { checkOptions, kinds, type OptionKinds } from "./option-check.ts";
import { PendingHandshakes } from "./pending.ts";
import { drainingRefusal, publishRefusal, refusal, sendRefusal, type Refusal } from "./refuse.ts";
import { destroySocket } from "./socket-owner.ts";
import { channels } from "./telemetry.ts";
import { UpgradeRequest } from "./upgrade-request.ts";
import { putTicket, UpgradeTicket, type TicketHolder } from "./upgrade-ticket.ts";

export interface AttachOptions {
  /** Time for the whole handshake, middleware included, until a route's own value takes over. Milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /**
   * Time from the connection to the end of its first request head, TLS handshake included. Milliseconds. Holds for ordinary
   * requests too, which nothing tells from a handshake before their head is complete. 0 leaves it to Node, which takes up to
   * 90 s. @default 10000
   */
  readonly headTimeoutMs?: number;
  /**
   * Most handshakes under way: more upgrade requests are refused with 503. And, counted apart, most connections without a
   * complete request head: for each one more, the oldest is ended. @default 10000
   */
  readonly maxPendingHandshakes?: number;
  /**
   * Whether an upgrade request is for this application. Needed only beside another library on the same server that takes
   * its time before it answers; one that answers at once (Vite's hot reload, Socket.IO) is seen. @default all
   */
  readonly match?: (req: IncomingMessage) => boolean;
  /** `server.close()` also closes the WebSocket clients, with 1001, or waits for `drain`; without, it would wait for them for ever. @default true */
  readonly closeWithServer?: boolean;
  /**
   * For adapters of plugins that upgrade by themselves: gets every WebSocket handshake in place of the application, with a
   * stand-in for its socket. The plugin's `ws` comes back through `Upgrader.accept`. A rejection destroys the socket.
   */
  readonly handOver?: HandOver;
  /** Replaces time in tests. */
  readonly clock?: Clock;
}

const { anything, callback, flag, clock } = kinds;
const attachKinds: OptionKinds<AttachOptions> = {
  handshakeTimeoutMs: anything,
  headTimeoutMs: anything,
  maxPendingHandshakes: anything,
  match: callback,
  closeWithServer: flag,
  handOver: callback,
  clock,
};

/** Marks our listener, so that a second `attach` on the same server is found out. */
const listenerMark: unique symbol = Symbol.for("upwire.upgrade-listener") as never;

/** The upgrade requests of one server, and the connections that came of them. */
export class Attachment implements TicketHolder {
  readonly #server: HttpServer | HttpsServer;
  readonly #clock: Clock;
  readonly #match: (req: IncomingMessage) => boolean;
  readonly #handOver: AttachOptions["handOver"];
  readonly #handshakeTimeoutMs: number;
  readonly #maxPending: number;
  readonly #heads: HeadGuard | undefined;
  readonly #connections = new Set<Connection>();
  readonly #pending: PendingHandshakes;
  #farewell: ClosingPlan["farewell"] | undefined;
  #ending: Closing | undefined;
  #retryAfterSeconds = 1;

  constructor(server: HttpServer | HttpsServer, options: AttachOptions) {
    checkServer(server);
    checkOptions("attach", options, attachKinds);
    if (server.listeners("upgrade").some((listener) => listenerMark in listener)) {
      throw new Error("upwire is attached to this server already");
    }
    this.#server = server;
    this.#clock = guardedClock(options.clock);
    this.#pending = new PendingHandshakes(this.#clock);
    this.#match = options.match ?? (() => true);
    this.#handOver = options.handOver;
    this.#handshakeTimeoutMs = checkCount("handshakeTimeoutMs", options.handshakeTimeoutMs ?? defaults.handshakeTimeoutMs);
    this.#maxPending = checkCount("maxPendingHandshakes", options.maxPendingHandshakes ?? attachDefaults.maxPendingHandshakes);
    const timeoutMs = checkCount("headTimeoutMs", options.headTimeoutMs ?? attachDefaults.headTimeoutMs, 0);
    if (timeoutMs > 0) this.#heads = new HeadGuard(server, { clock: this.#clock, timeoutMs, max: this.#maxPending });
    server.on("upgrade", Object.assign(this.#onUpgrade, { [listenerMark]: true }));
    if (options.closeWithServer ?? true) this.#closeWithServer();
  }

  /** Whether `close` or `drain` was called: for health checks, since no client is let in any more. */
  get isClosing(): boolean {
    return this.#farewell !== undefined;
  }

  get retryAfterSeconds(): number {
    return this.#retryAfterSeconds;
  }

  /** How many connections are open. */
  get count(): number {
    return this.#connections.size;
  }

  track(connection: Connection): void {
    this.#connections.add(connection);
    connection.onClose(this.#closed);
    // `close` or `drain` may have come between the answer and this moment.
    if (connection.isOpen) this.#farewell?.(connection);
  }

  readonly #closed = (_info: CloseInfo, connection: Connection): void => void this.#connections.delete(connection);

  /** Refuses new connections with 503, closes all others at once, and settles when they are gone. Hastens a `drain`. */
  async close(options: CloseAllOptions = {}): Promise<void> {
    const plan = closingPlan(options);
    this.#ending?.hasten();
    await this.#end(plan).done;
  }

  /**
   * Refuses new connections with 503, closes all others in waves, tells each when to come back, and settles when they and
   * the unfinished handshakes are gone, at the latest `graceMs` after the last wave. A second call, or one after `close`,
   * joins what goes on.
   * @throws RangeError for options that cannot be meant.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const plan = drainPlan(options);
    if (!this.isClosing) {
      this.#retryAfterSeconds = plan.retryAfterSeconds;
      this.#end(plan);
    }
    await Promise.all([this.#ending?.done, this.#pending.over()]);
    // A handshake may have come through at the last moment.
    await Promise.all([...this.#connections].map(({ closed }) => closed));
  }

  #end(plan: ClosingPlan): Closing {
    // What the first one said goes for those that are still to be told.
    const farewell = (this.#farewell ??= plan.farewell);
    const closing = new Closing(this.#connections, this.#clock, { ...plan, farewell });
    const grace = this.#clock.after(closing.spreadMs + plan.graceMs, () => {
      this.#pending.destroy();
      inSlices([...this.#connections], (connection) => connection.terminate());
    });
    void closing.done.then(() => {
      if (this.#pending.size === 0) grace.cancel();
    });
    this.#ending = closing;
    return closing;
  }

  /** Node has no event for the beginning of `close()`, and an upgraded socket holds its end back for ever. */
  #closeWithServer(): void {
    const server = this.#server;
    const close = server.close.bind(server);
    server.close = (callback) => {
      // A drain that goes on has its own deadline: this one only waits for it.
      if (!this.isClosing) void this.close();
      return close(callback);
    };
  }

  readonly #onUpgrade = (req: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const socket = stream as Socket;
    this.#heads?.arrived(socket);
    // Alone, we answer everything: nobody else would, and the socket would stay open.
    if (this.#server.listenerCount("upgrade") === 1) return this.#dispatch(req, socket, head);
    // Node took its own listener away: without one, a reset from here on would end the process.
    socket.on("error", destroySocket);
    if (!this.#isOurs(req)) return;
    // Others listen too. One whose request this is has answered by the time that all have been called.
    const before = socket.bytesWritten;
    process.nextTick(() => {
      const isTaken = socket.bytesWritten > before || socket.writableLength > 0 || socket.listenerCount("data") > 0;
      if (!isTaken && !socket.destroyed) this.#dispatch(req, socket, head);
    });
  };

  #isOurs(req: IncomingMessage): boolean {
    try {
      return atOnce("match", this.#match(req));
    } catch (error) {
      channels.error.publish({ error, request: new UpgradeRequest(req, { native: req }) });
      return true;
    }
  }

  #dispatch(req: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.setTimeout(0);
    socket.setNoDelay(true);
    // Another protocol (h2c) may be ignored: RFC 9110 §7.8. It gets the ordinary page.
    if (!isWebSocketUpgrade(req.headers)) return this.#serve(req, this.#ticket(req, socket, head).res);
    const refused = this.#refusal(req);
    if (refused !== undefined) {
      publishRefusal(refused, new UpgradeRequest(req, { native: req }));
      return sendRefusal(this.#ticket(req, socket, head).res, refused);
    }
    if (this.#handOver !== undefined) {
      const arrival = { req, socket, head };
      return handOverTo(this.#handOver, arrival, { holder: this, pending: this.#pending, timeoutMs: this.#handshakeTimeoutMs });
    }
    const ticket = this.#ticket(req, socket, head);
    putTicket(req, ticket);
    this.#serve(req, ticket.res);
  }

  #refusal(req: IncomingMessage): Refusal | undefined {
    // No router has WebSocket routes for other methods: the answer would be a 404 that hides the reason.
    if (req.method !== "GET") return refusal("ERR_METHOD");
    if (this.isClosing) return drainingRefusal(this.#retryAfterSeconds);
    if (this.#pending.size >= this.#maxPending) return refusal("ERR_TOO_MANY_HANDSHAKES");
    // Plugins parse it unguarded, or leave the socket open when they cannot.
    if (this.#handOver !== undefined && !isReadableTarget(req.url ?? "")) return refusal("ERR_TARGET");
    return undefined;
  }

  #ticket(req: IncomingMessage, socket: Socket, head: Buffer): UpgradeTicket {
    const ticket = new UpgradeTicket(req, socket, head, this, this.#pending);
    ticket.expireAfter(this.#handshakeTimeoutMs);
    return ticket;
  }

  /** Sends the request through the application like any other. */
  #serve(req: IncomingMessage, res: ServerResponse): void {
    try {
      this.#server.emit("request", req, res);
    } catch (error) {
      channels.error.publish({ error, request: new UpgradeRequest(req, { native: req }) });
      if (res.headersSent) res.destroy();
      else sendRefusal(res, refusal("ERR_CHECK_FAILED"));
    }
  }
}

/**
 * Routes the upgrade requests of `server` through the application's own middleware and routes.
 * @throws Error when this server is attached already. @throws RangeError or TypeError for bad options.
 */
export function attach(server: HttpServer | HttpsServer, options: AttachOptions = {}): Attachment {
  return new Attachment(server, options);
}
