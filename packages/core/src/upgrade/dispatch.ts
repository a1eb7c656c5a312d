import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { listenerMark } from "../base/cross-copy.ts";
import { inSlices } from "../shutdown/close-in-waves.ts";
import { EarlierResponses, unfinishedResponses } from "./earlier-responses.ts";
import { giveBack, ignoreOtherUpgrades } from "./give-back.ts";
import { atOnce } from "../base/guard.ts";
import { handOverTo, type HandOver } from "../ws/hand-over.ts";
import { isReadableTarget, isWebSocketUpgrade } from "../checks/handshake.ts";
import { NeighbourWatch } from "./neighbour-watch.ts";
import { drainingRefusal, publishRefusal, refusal, sendRefusal, type Refusal } from "../checks/refusal.ts";
import { isGetTarget, rememberTarget } from "../checks/sent-target.ts";
import type { AttachableServer } from "./server.ts";
import { destroySocket } from "../connection/socket-owner.ts";
import { channels } from "../base/channels.ts";
import { asSocket } from "../connection/stream-socket.ts";
import { Turn } from "./turn.ts";
import { UpgradeRequest } from "../checks/upgrade-request.ts";
import { putTicket, UpgradeTicket, type Arrival, type HandshakeSetup } from "./upgrade-ticket.ts";

export interface DispatchSetup extends HandshakeSetup {
  readonly match: (req: IncomingMessage) => boolean;
  readonly handOver: HandOver | undefined;
  /** Is told of a socket whose request head is complete. */
  readonly arrived: (socket: Socket) => void;
  /** Most handshakes under way, and, counted apart, most that wait for an earlier response of their connection. */
  readonly maxPending: number;
}

/** Whether `attach` was called on `server`, and not undone. */
export function isAttached(server: AttachableServer): boolean {
  return server.listeners("upgrade").some((listener) => listenerMark in listener);
}

/**
 * Takes the upgrade requests of one server to its application, each when its turn has come: behind the earlier responses on
 * its connection, and beside the other libraries that listen for upgrades.
 */
export class Dispatcher {
  readonly #server: AttachableServer;
  readonly #setup: DispatchSetup;
  readonly #earlier: EarlierResponses;
  readonly #askNode: (() => void) | undefined;
  readonly #turns = new Set<Turn>();

  /** @throws Error when this server is attached already. */
  constructor(server: AttachableServer, setup: DispatchSetup) {
    if (isAttached(server)) {
      throw new Error("upwire is attached to this server already");
    }
    this.#server = server;
    this.#setup = setup;
    this.#earlier = new EarlierResponses(server);
    this.#askNode = ignoreOtherUpgrades(server, () => this.#isAlone);
    server.on("upgrade", Object.assign(this.#onUpgrade, { [listenerMark]: true }));
  }

  detach(): void {
    this.#server.off("upgrade", this.#onUpgrade);
    this.#askNode?.();
    this.#earlier.detach();
  }

  /** Ends the upgrades that wait for an earlier response. */
  abort(): void {
    inSlices([...this.#turns], ({ socket }) => socket.destroy());
  }

  get #isAlone(): boolean {
    const server = this.#server as NodeJS.EventEmitter;
    // Ours may have been taken away, and then the one is another library's.
    return server.listenerCount("upgrade") === 1 && server.listenerCount("upgrade", this.#onUpgrade) === 1;
  }

  readonly #onUpgrade = (req: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const socket = asSocket(stream);
    const arrival = { req, socket, head };
    this.#setup.arrived(socket);
    rememberTarget(req);
    // Alone, we answer everything: otherwise it would stay open without an answer.
    const isShared = !this.#isAlone;
    if (isShared && !this.#isOurs(req)) return void socket.on("error", destroySocket);
    if (unfinishedResponses(socket).length > 0) this.#wait(arrival, isShared);
    else this.#begin(arrival, isShared);
  };

  #wait(arrival: Arrival, isShared: boolean): void {
    const { req, socket, head } = arrival;
    const isTooMany = this.#turns.size >= this.#setup.maxPending;
    const come = (): void => {
      this.#turns.delete(turn);
      // A client that has ended its side meanwhile has left. To HTTP it cannot go back: its end would not be told there again.
      const hasLeft = socket.readableEnded && (head.byteLength === 0 || !isWebSocketUpgrade(req.headers));
      if (isTooMany || hasLeft || socket.writableEnded) socket.on("error", destroySocket).destroySoon();
      else this.#begin(arrival, isShared);
    };
    const turn = new Turn(socket, come, () => this.#turns.delete(turn));
    if (!isTooMany) this.#turns.add(turn);
  }

  #begin(arrival: Arrival, isShared: boolean): void {
    if (!isShared) return this.#dispatch(arrival, undefined);
    const { socket } = arrival;
    // Node took its own listener away: without one, a reset from here on would end the process.
    socket.on("error", destroySocket);
    const neighbours = new NeighbourWatch(socket);
    // Many answer at once, when all listeners have been called. For the others, see `UpgradeTicket`.
    process.nextTick(() => {
      if (!neighbours.isTaken) this.#dispatch(arrival, neighbours);
    });
  }

  #isOurs(req: IncomingMessage): boolean {
    try {
      return atOnce("match", this.#setup.match(req));
    } catch (error) {
      this.#report(error, req);
      return true;
    }
  }

  #dispatch(arrival: Arrival, neighbours: NeighbourWatch | undefined): void {
    const { req, socket } = arrival;
    const { handOver } = this.#setup;
    const isHandshake = isWebSocketUpgrade(req.headers);
    if (neighbours === undefined) {
      // Another protocol (h2c) may be ignored: RFC 9110 §7.8.
      if (!isHandshake && giveBack(this.#server, arrival)) return;
      socket.setTimeout(0);
      socket.setNoDelay(true);
    }
    const refused = isHandshake ? this.#refusal(req, neighbours) : undefined;
    if (refused === undefined && isHandshake && handOver !== undefined) return handOverTo(handOver, arrival, this.#setup, neighbours);
    const ticket = this.#ticket(arrival, neighbours);
    if (ticket === undefined) return;
    if (refused !== undefined) {
      if (neighbours === undefined) publishRefusal(refused, new UpgradeRequest(req, { native: req }));
      return sendRefusal(ticket.res, refused);
    }
    if (isHandshake) putTicket(req, ticket);
    this.#serve(req, ticket.res);
  }

  #ticket(arrival: Arrival, neighbours: NeighbourWatch | undefined): UpgradeTicket | undefined {
    try {
      return new UpgradeTicket(arrival, this.#setup, neighbours);
    } catch (error) {
      // A response that we do not know of is being written: one of before `attach`, or of another library.
      this.#report(error, arrival.req);
      arrival.socket.destroy();
      return undefined;
    }
  }

  #refusal(req: IncomingMessage, neighbours: NeighbourWatch | undefined): Refusal | undefined {
    const { holder, pending, maxPending, handOver } = this.#setup;
    // No router has WebSocket routes for other methods: the answer would be a 404 that hides the reason.
    if (req.method !== "GET") return refusal("ERR_METHOD");
    // Beside other libraries our routes say so, to those requests that are ours.
    if (holder.isClosing && neighbours === undefined) return drainingRefusal(holder.retryAfterSeconds);
    if (pending.size >= maxPending) return refusal("ERR_TOO_MANY_HANDSHAKES");
    // Before a router cuts off the first character, whatever it is. One without a Host header is told of that.
    const target = req.url ?? "";
    if (req.headers.host !== undefined && !isGetTarget(target, req.headers.host)) return refusal("ERR_TARGET");
    // Plugins parse it unguarded, or leave the socket open when they cannot.
    if (handOver !== undefined && !isReadableTarget(target)) return refusal("ERR_TARGET");
    return undefined;
  }

  /** Sends the request through the application like any other. */
  #serve(req: IncomingMessage, res: ServerResponse): void {
    try {
      (this.#server as HttpServer).emit("request", req, res);
    } catch (error) {
      this.#report(error, req);
      if (res.headersSent) res.destroy();
      else sendRefusal(res, refusal("ERR_CHECK_FAILED"));
    }
  }

  #report(error: unknown, req: IncomingMessage): void {
    channels.error.publish({ error, request: new UpgradeRequest(req, { native: req }) });
  }
}
