import type { IncomingMessage, Server as HttpServer } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { listenerMark } from "../base/cross-copy.ts";
import { inSlices } from "../shutdown/close-in-waves.ts";
import type { HeadGuard } from "./head-guard.ts";
import { EarlierResponses, unfinishedResponses } from "./earlier-responses.ts";
import { giveBack, ignoreOtherUpgrades } from "./give-back.ts";
import { atOnce } from "../base/guard.ts";
import { markHandedOver, type HandOver } from "./hand-over.ts";
import { isReadableTarget, isWebSocketUpgrade } from "../checks/handshake.ts";
import { NeighbourWatch } from "./neighbour-watch.ts";
import { shutdownRefusal, publishRefusal, refusal, sendRefusal, type Refusal } from "../checks/refusal.ts";
import { isGetTarget, rememberTarget } from "../checks/sent-target.ts";
import type { AttachableServer } from "./server.ts";
import { destroySocket } from "../connection/socket-owner.ts";
import { channels } from "../base/channels.ts";
import { asSocket } from "../connection/stream-socket.ts";
import { Turn } from "./turn.ts";
import { UpgradeRequest } from "../checks/upgrade-request.ts";
import { UpgradeTicket, type Arrival, type HandshakeSetup } from "./upgrade-ticket.ts";

export interface DispatchSetup extends HandshakeSetup {
  readonly match: (req: IncomingMessage) => boolean;
  readonly handOver: HandOver | undefined;
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
  #heads: HeadGuard | undefined;

  /** @throws Error when this server is attached already. */
  constructor(server: AttachableServer, setup: DispatchSetup) {
    if (isAttached(server)) {
      throw new Error("upwire is attached to this server already");
    }
    this.#server = server;
    this.#setup = setup;
    this.#earlier = new EarlierResponses(server);
    this.#askNode = ignoreOtherUpgrades(server, () => this.#isAlone);
    server.on("upgrade", Object.assign(this.#onUpgrade, { [listenerMark]: setup.state }));
  }

  /** From now on `heads` is told of each socket whose request head is complete. */
  tell(heads: HeadGuard): void {
    this.#heads = heads;
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
    // Our listener may have been taken off: then the one that is left is another library's.
    return server.listenerCount("upgrade") === 1 && server.listenerCount("upgrade", this.#onUpgrade) === 1;
  }

  readonly #onUpgrade = (req: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const socket = stream instanceof Socket ? stream : asSocket(stream);
    // Where no other library listens, every upgrade request is answered here: its socket would stay open without an answer.
    const isShared = !this.#isAlone;
    this.#heads?.arrived(socket);
    rememberTarget(req);
    if (isShared && !this.#isOurs(req)) return void socket.on("error", destroySocket);
    const mustWait = unfinishedResponses(socket).length > 0;
    const arrival = { req, socket, head, isHandshake: isWebSocketUpgrade(req.headers) };
    const begin = isShared ? this.#beginBesideOthers : this.#beginAlone;
    if (mustWait) this.#wait(arrival, begin);
    else begin(arrival);
  };

  #wait(arrival: Arrival, begin: (arrival: Arrival) => void): void {
    const { socket, head, isHandshake } = arrival;
    const isTooMany = this.#turns.size >= this.#setup.maxPending;
    const come = (): void => {
      this.#turns.delete(turn);
      // A client that has ended its side meanwhile has left. Nor can its request go back to HTTP, where the end would not be told again.
      const hasLeft = socket.readableEnded && (head.byteLength === 0 || !isHandshake);
      if (isTooMany || hasLeft || socket.writableEnded) socket.on("error", destroySocket).destroySoon();
      else begin(arrival);
    };
    const turn = new Turn(socket, come, () => this.#turns.delete(turn));
    if (!isTooMany) this.#turns.add(turn);
  }

  readonly #beginAlone = (arrival: Arrival): void => this.#dispatch(arrival, undefined);

  readonly #beginBesideOthers = (arrival: Arrival): void => {
    const { socket } = arrival;
    // Node took its own listener away: without one, a reset from here on would end the process.
    socket.on("error", destroySocket);
    const neighbours = new NeighbourWatch(socket);
    // Many libraries answer in their listener itself, so look when all listeners have been called. `UpgradeTicket` waits for the others.
    process.nextTick(() => {
      if (!neighbours.isTaken) this.#dispatch(arrival, neighbours);
    });
  };

  #isOurs(req: IncomingMessage): boolean {
    try {
      return atOnce("match", this.#setup.match(req));
    } catch (error) {
      this.#report(error, req);
      return true;
    }
  }

  #dispatch(arrival: Arrival, neighbours: NeighbourWatch | undefined): void {
    const { req, socket, isHandshake } = arrival;
    const { handOver } = this.#setup;
    if (neighbours === undefined) {
      // Another protocol (h2c) may be ignored: RFC 9110 §7.8.
      if (!isHandshake && giveBack(this.#server, arrival)) return;
      socket.setTimeout(0);
      socket.setNoDelay(true);
    }
    const refused = isHandshake ? this.#refusal(req, neighbours) : undefined;
    if (refused === undefined && isHandshake && handOver !== undefined) {
      markHandedOver(req);
      return handOver(arrival, this.#setup, neighbours);
    }
    let ticket: UpgradeTicket;
    try {
      ticket = new UpgradeTicket(arrival, this.#setup, neighbours);
    } catch (error) {
      // A response that we do not know of is being written: one of before `attach`, or of another library.
      this.#report(error, req);
      return void socket.destroy();
    }
    if (refused !== undefined) {
      if (neighbours === undefined) publishRefusal(refused, new UpgradeRequest(req, { native: req }));
      return sendRefusal(ticket.res, refused);
    }
    const { res } = ticket;
    try {
      // The application gets it like any other request. A ticket on it tells our routes that it has passed the checks above.
      (this.#server as HttpServer).emit("request", req, res);
    } catch (error) {
      this.#report(error, req);
      if (res.headersSent) res.destroy();
      else sendRefusal(res, refusal("ERR_CHECK_FAILED"));
    }
  }

  #refusal(req: IncomingMessage, neighbours: NeighbourWatch | undefined): Refusal | undefined {
    const { state, pending, maxPending, handOver } = this.#setup;
    // No router has WebSocket routes for other methods: the answer would be a 404 that hides the reason.
    if (req.method !== "GET") return refusal("ERR_METHOD");
    // Beside other libraries it may be theirs: there our routes refuse the requests that are ours.
    if (state.isClosing && neighbours === undefined) return shutdownRefusal(state.retryAfterSeconds);
    if (pending.size >= maxPending) return refusal("ERR_TOO_MANY_HANDSHAKES");
    // Looked at before routing, since a router cuts off the first character, whatever that is. A request without a Host header is refused for
    // that first.
    const target = req.url ?? "";
    const { host } = req.headers;
    if (!target.startsWith("/") && host !== undefined && !isGetTarget(target, host)) return refusal("ERR_TARGET");
    // Plugins throw on such a target, or leave the socket open.
    if (handOver !== undefined && !isReadableTarget(target)) return refusal("ERR_TARGET");
    return undefined;
  }

  #report(error: unknown, req: IncomingMessage): void {
    channels.error.publish({ error, request: new UpgradeRequest(req, { native: req }) });
  }
}
