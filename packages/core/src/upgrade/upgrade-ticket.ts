import { ServerResponse, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { ticketKey } from "../base/cross-copy.ts";
import type { AcceptHeaders } from "../checks/accept-headers.ts";
import type { RequestContext } from "../base/no-context.ts";
import type { Connection } from "../connection/connection.ts";
import type { PendingHandshake, PendingHandshakes } from "./pending-handshakes.ts";
import { publishRefusal, refusal, sendBare, sendRefusal, type Refusal } from "../checks/refusal.ts";
import type { OnFailure } from "../base/guard.ts";
import { setGivenHead } from "./given-head.ts";
import { closeResponse } from "./close-response.ts";
import type { NeighbourWatch } from "./neighbour-watch.ts";
import { destroySocket, holdSocket, type SocketHolder } from "../connection/socket-owner.ts";
import type { StatsSource } from "../observe/stats-sum.ts";
import { UpgradeRequest } from "../checks/upgrade-request.ts";

const EMPTY = Buffer.alloc(0);

/** What Node's `upgrade` event told. */
export interface Arrival {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
  /** It asks for the WebSocket protocol. */
  readonly isHandshake: boolean;
}

/** How things stand with a server. */
export interface ServerState {
  /** True once no new connection may be made. */
  readonly isClosing: boolean;
  /** Then: what refusals tell in `Retry-After`. */
  readonly retryAfterSeconds: number;
}

export interface TicketHolder {
  track(connection: Connection): void;
  /** Told by each Upgrader that decides about a request of this server. */
  meet?(source: StatsSource): void;
}

interface Acceptance {
  readonly headers: AcceptHeaders;
  /** The async context in which `take` runs. */
  readonly context: RequestContext;
  readonly take: (socket: Socket, head: Buffer) => void;
  abandoned(): void;
}

/** Gets the refusal of a handshake that took too long. Never throws. */
export type OnLate = (late: Refusal) => void;

/** What middleware may have set for an ordinary answer and what a 101 must not carry (RFC 9110 §15.2, RFC 6455 §4.2.2). */
const NOT_ON_101 = /^(?:content-|sec-websocket-|(?:transfer-encoding|connection|upgrade|keep-alive)$)/;
/** Frameworks on the Fetch standard cannot say 101: `new Response(null, { status: 101 })` throws. They say 204. */
const ACCEPTING = new Set([101, 204]);

/** What a handshake is made with. */
export interface HandshakeSetup {
  readonly holder: TicketHolder;
  readonly state: ServerState;
  readonly pending: PendingHandshakes;
  /** Time for the handshake, until the route's own value takes over. Milliseconds. */
  readonly timeoutMs: number;
}

/** How often to look whether another library has taken a request that no route of ours has. Milliseconds. */
export const NEIGHBOUR_LOOK_MS = 1000;

/**
 * One upgrade request on its way through the application: it ends as a WebSocket, or as the HTTP answer it got. Where other
 * libraries listen for upgrades too, nothing of its answer goes out before a route of ours has claimed it, or its time is over.
 */
export class UpgradeTicket implements PendingHandshake, SocketHolder {
  readonly holder: TicketHolder;
  readonly state: ServerState;
  readonly socket: Socket;
  deadline: number = Infinity;
  /** Where the application writes its answer. */
  readonly res: ServerResponse;
  readonly #head: Buffer;
  readonly #pending: PendingHandshakes;
  readonly #timeoutMs: number;
  /** Set as long as the request may be another library's. */
  #neighbours: NeighbourWatch | undefined;
  #givenUpAt: number;
  #onLate: OnLate | undefined;
  /** The deadline has passed, and the client was told. */
  hasExpired = false;
  #acceptance: Acceptance | undefined;
  #isSwitched = false;
  #isOver = false;

  /** Puts itself on the request when that is a handshake, for the route that it is meant for. */
  constructor({ req, socket, head, isHandshake }: Arrival, { holder, state, pending, timeoutMs }: HandshakeSetup, neighbours?: NeighbourWatch) {
    if (isHandshake) (req as TicketCarrier)[ticketKey] = this;
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    this.res = res;
    this.socket = socket;
    this.#head = neighbours?.isHeadPutBack === true ? EMPTY : head;
    this.holder = holder;
    this.state = state;
    this.#pending = pending;
    this.#timeoutMs = timeoutMs;
    this.#neighbours = neighbours;
    res.writeHead = this.#writeHead;
    // Ahead of other listeners: nothing else may touch the socket between the answer and its new owner.
    res.prependListener("finish", this.#onFinish);
    if (neighbours === undefined) this.#holdSocket();
    else socket.once("close", this.#leave);
    const leftMs = neighbours === undefined ? 0 : Math.max(0, timeoutMs - NEIGHBOUR_LOOK_MS);
    pending.start(this, timeoutMs - leftMs);
    this.#givenUpAt = this.deadline + leftMs;
  }

  /**
   * A route of ours has the request, and gives the whole handshake `ms` milliseconds from its arrival.
   * @param onLate Called when that time is over.
   * @returns why the route may not have it: another library has taken it, so that we may not write to it any more, or it is too late.
   */
  claim(ms: number, onLate: OnLate): "ERR_TAKEN" | "ERR_HANDSHAKE_TIMEOUT" | undefined {
    if (this.#neighbours !== undefined) {
      if (this.#neighbours.isTaken) {
        this.#leave();
        return "ERR_TAKEN";
      }
      this.#claim();
    }
    if (this.hasExpired) return "ERR_HANDSHAKE_TIMEOUT";
    this.#onLate = onLate;
    this.#givenUpAt += ms - this.#timeoutMs;
    // Nearly always `ms` is the time that the ticket was made with, and that deadline runs already.
    if (this.deadline === this.#givenUpAt) return undefined;
    this.#pending.move(this, this.#givenUpAt);
    return this.#givenUpAt > this.#pending.now ? undefined : "ERR_HANDSHAKE_TIMEOUT";
  }

  #claim(): void {
    this.#neighbours = undefined;
    const { socket } = this;
    socket.off("close", this.#leave);
    socket.off("error", destroySocket);
    socket.setTimeout(0);
    socket.setNoDelay(true);
    this.#holdSocket();
  }

  #holdSocket(): void {
    holdSocket(this.socket, this);
    this.res.assignSocket(this.socket);
  }

  /** Another library has it, or the client has left before a route of ours had it. */
  readonly #leave = (): void => {
    if (this.#isOver) return;
    this.#over();
    this.socket.off("close", this.#leave);
    closeResponse(this.res);
  };

  #nextLook(): number {
    return Math.min(this.#givenUpAt, this.#pending.now + NEIGHBOUR_LOOK_MS);
  }

  /**
   * From now on a 101 (or 204) of the application is sent as the 101 of this handshake; then `take` gets the socket.
   * `abandoned` is called instead when the client left or something changed the answer.
   */
  accept(acceptance: Acceptance): void {
    if (this.#isOver) acceptance.abandoned();
    else this.#acceptance = acceptance;
  }

  /** Called at the deadline. */
  expire(): void {
    const { res, socket } = this;
    if (this.#neighbours?.isTaken === true) return this.#leave();
    if (this.#neighbours !== undefined) {
      if (this.#pending.now < this.#givenUpAt) return this.#pending.move(this, this.#nextLook());
      // Nothing else took it: the answer of the application, if it has given one, is the answer.
      this.#claim();
      if (res.writableEnded) return;
    }
    if (res.headersSent || res.destroyed || socket.destroyed) return void socket.destroy();
    // The application is still busy with this response: it must not find the socket when it wakes up.
    closeResponse(res);
    this.hasExpired = true;
    const late = refusal("ERR_HANDSHAKE_TIMEOUT");
    // Before a route of ours has it, there is no hook of a route to call.
    if (this.#onLate === undefined) publishRefusal(late, new UpgradeRequest(res.req, { native: res.req }));
    else this.#onLate(late);
    sendBare(socket, late);
  }

  abort(): void {
    if (this.#neighbours?.isTaken === true) this.#leave();
    else this.socket.destroy();
  }

  /**
   * A client that ends its side before it has its answer has left: it could not even send a close frame. Nobody reads yet, so
   * the stream tells us only when nothing was sent behind the handshake. What was is still to be delivered.
   */
  onEnd(): void {
    if (!this.#isOver && this.#head.byteLength === 0) this.socket.destroy();
  }

  onError(): void {
    this.socket.destroy();
  }

  onSocketClose(): void {
    this.#over();
    this.#acceptance?.abandoned();
  }

  readonly #onFinish = (): void => {
    this.#over();
    const { res, socket } = this;
    const acceptance = this.#acceptance;
    this.#acceptance = undefined;
    res.detachSocket(socket);
    // Node emits `close` a tick behind `finish`, too.
    process.nextTick(closeResponse, res);
    if (acceptance !== undefined && this.#isSwitched) return acceptance.context.run(acceptance.take, socket, this.#head);
    acceptance?.abandoned();
    socket.destroySoon();
  };

  #over(): void {
    this.#isOver = true;
    this.#pending.delete(this);
  }

  /** An own property of the response: Express replaces its prototype, and session libraries wrap this one method. */
  readonly #writeHead = (status: number, reason?: unknown, headers?: unknown): ServerResponse => {
    const { res } = this;
    const acceptance = this.#acceptance;
    if (acceptance === undefined || !ACCEPTING.has(status)) return plainWriteHead(res, status, reason, headers);
    this.#isSwitched = true;
    // RFC 9112 §6.1: a 101 has no body and no Transfer-Encoding. Node knows; Deno 2.9 takes it for an answer with a chunked body.
    res.useChunkedEncodingByDefault = false;
    const given = typeof reason === "string" ? headers : reason;
    if (typeof given === "object" && given !== null) setGivenHead(res, given);
    const names = res.getHeaderNames();
    // With no other header, Node writes these as they are; else it would take each out and put it in again.
    if (names.length === 0) return plainWriteHead(res, 101, acceptance.headers);
    for (const name of names) if (NOT_ON_101.test(name)) res.removeHeader(name);
    for (const [name, value] of Object.entries(acceptance.headers)) {
      if (name === "set-cookie") res.appendHeader(name, value);
      else res.setHeader(name, value);
    }
    return plainWriteHead(res, 101);
  };
}

interface HeadWriter {
  writeHead(status: number, reason?: unknown, headers?: unknown): ServerResponse;
}

/** Node's own; looked up at each call, since tracers replace it there. */
function plainWriteHead(res: ServerResponse, status: number, reason?: unknown, headers?: unknown): ServerResponse {
  return (ServerResponse.prototype as HeadWriter).writeHead.call(res, status, reason, headers);
}

/** What a route answers to the HTTP request: a refusal as it stands, or status 101 and nothing else. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The yes; the ticket adds the headers of the handshake where it is written. */
export const SWITCHING: UpgradeAnswer = { status: 101, headers: {}, body: "" };

/** Writes it to `res`, unless another part of the application has answered. Never throws. @param failed Gets what `res` throws. */
export function sendAnswer(res: ServerResponse, answer: UpgradeAnswer, failed: OnFailure): void {
  if (answer !== SWITCHING) return sendRefusal(res, answer, failed);
  if (res.headersSent) return;
  try {
    res.writeHead(answer.status).end();
  } catch (error) {
    failed(error);
    res.socket?.destroy();
  }
}

interface TicketCarrier {
  [ticketKey]?: UpgradeTicket | undefined;
}

/** Takes the ticket off the request: it can be used once. */
export function takeTicket(req: IncomingMessage): UpgradeTicket | undefined {
  const carrier = req as TicketCarrier;
  const ticket = carrier[ticketKey];
  // Not deleted: that would make a slow dictionary of the request.
  if (ticket !== undefined) carrier[ticketKey] = undefined;
  return ticket;
}
