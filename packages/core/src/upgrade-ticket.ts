import { ServerResponse, type IncomingMessage, type OutgoingHttpHeader } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { Deadline } from "./deadline.ts";
import { publishRefusal, refusal, sendBare } from "./refuse.ts";
import { UpgradeRequest } from "./upgrade-request.ts";

/** Where the ticket is on the request; shared by every copy of core in the process. */
const ticketKey: unique symbol = Symbol.for("upwire.ticket") as never;

/** Response headers of an acceptance; names in lower case. */
export type AcceptHeaders = Readonly<Record<string, string | readonly string[]>>;

export interface TicketHolder {
  /** True once no new connection may be made. */
  readonly isClosing: boolean;
  /** Then: what refusals tell in `Retry-After`. */
  readonly retryAfterSeconds: number;
  track(connection: Connection): void;
}

interface Acceptance {
  readonly headers: AcceptHeaders;
  take(socket: Socket, head: Buffer): void;
  abandoned(): void;
}

/** What middleware may have set for an ordinary answer and what a 101 must not carry (RFC 9110 §15.2, RFC 6455 §4.2.2). */
const NOT_ON_101 = /^(?:content-.*|transfer-encoding|connection|upgrade|keep-alive|sec-websocket-.*)$/i;
/** Frameworks on the Fetch standard cannot say 101: `new Response(null, { status: 101 })` throws. They say 204. */
const ACCEPTING = new Set([101, 204]);

/** One upgrade request on its way through the application: it ends as a WebSocket, or as the HTTP answer it got. */
export class UpgradeTicket {
  readonly holder: TicketHolder;
  /** Where the application writes its answer. */
  readonly res: ServerResponse;
  readonly #socket: Socket;
  readonly #head: Buffer;
  readonly #deadline: Deadline;
  #acceptance: Acceptance | undefined;
  #isSwitched = false;
  #isOver = false;

  constructor(req: IncomingMessage, socket: Socket, head: Buffer, holder: TicketHolder, clock: Clock, onOver: () => void) {
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    this.res = res;
    this.#socket = socket;
    this.#head = head;
    this.holder = holder;
    this.#deadline = new Deadline(clock, () => this.#expire());
    this.#interceptHead();
    const over = (): void => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#deadline.cancel();
      onOver();
    };
    const onClose = (): void => {
      over();
      this.#acceptance?.abandoned();
    };
    // Ahead of other listeners: nothing else may touch the socket between the answer and its new owner.
    res.prependOnceListener("finish", () => {
      over();
      // Or the ticket, and with it the request, would live as long as the socket.
      socket.off("close", onClose).off("end", destroyOnEnd);
      this.#hand();
    });
    socket.once("close", onClose);
    if (head.byteLength === 0) socket.once("end", destroyOnEnd);
  }

  /** Puts the deadline `ms` milliseconds behind the arrival of the request. */
  expireAfter(ms: number): void {
    this.#deadline.expireAfter(ms);
  }

  /**
   * From now on a 101 (or 204) of the application is sent as the 101 of this handshake; then `take` gets the socket.
   * `abandoned` is called instead when the client left or something changed the answer.
   */
  accept(acceptance: Acceptance): void {
    if (this.#isOver) acceptance.abandoned();
    else this.#acceptance = acceptance;
  }

  #hand(): void {
    const acceptance = this.#acceptance;
    this.#acceptance = undefined;
    this.res.detachSocket(this.#socket);
    if (acceptance !== undefined && this.#isSwitched) return acceptance.take(this.#socket, this.#head);
    acceptance?.abandoned();
    this.#socket.destroySoon();
  }

  #expire(): void {
    const res = this.res;
    if (res.headersSent || this.#socket.destroyed) return void this.#socket.destroy();
    // The application is still busy with this response: it must not find the socket when it wakes up.
    res.detachSocket(this.#socket);
    res.destroy();
    const late = refusal("ERR_HANDSHAKE_TIMEOUT");
    publishRefusal(late, new UpgradeRequest(res.req, { native: res.req }));
    sendBare(this.#socket, late);
  }

  /** An own property, because Express replaces the prototype of the response and session libraries wrap this one method. */
  #interceptHead(): void {
    const res = this.res;
    const writeHead = res.writeHead.bind(res) as (status: number, ...rest: unknown[]) => ServerResponse;
    const intercepted = (status: number, ...rest: unknown[]): ServerResponse => {
      if (this.#acceptance === undefined || !ACCEPTING.has(status)) return writeHead(status, ...rest);
      this.#isSwitched = true;
      setGivenHeaders(res, typeof rest[0] === "string" ? rest[1] : rest[0]);
      for (const name of res.getHeaderNames()) if (NOT_ON_101.test(name)) res.removeHeader(name);
      for (const [name, value] of Object.entries(this.#acceptance.headers)) {
        if (name === "set-cookie") res.appendHeader(name, value);
        else res.setHeader(name, value);
      }
      return writeHead(101);
    };
    res.writeHead = intercepted;
  }
}

/**
 * A client that ends its side before it has its answer has left: it could not even send a close frame. Nobody reads yet, so
 * the stream tells us only when nothing was sent behind the handshake. What was is still to be delivered.
 */
export function destroyOnEnd(this: Socket): void {
  this.destroy();
}

/** `writeHead` takes an object, or names and values in turn. */
function setGivenHeaders(res: ServerResponse, given: unknown): void {
  if (Array.isArray(given)) {
    for (let i = 0; i + 1 < given.length; i += 2) res.appendHeader(String(given[i]), given[i + 1] as string | string[]);
  } else if (typeof given === "object" && given !== null) {
    for (const [name, value] of Object.entries(given as Record<string, OutgoingHttpHeader | undefined>)) {
      if (value !== undefined) res.setHeader(name, value);
    }
  }
}

export function putTicket(req: IncomingMessage, ticket: UpgradeTicket): void {
  Object.defineProperty(req, ticketKey, { value: ticket, configurable: true });
}

/** Takes the ticket off the request: it can be used once. */
export function takeTicket(req: IncomingMessage): UpgradeTicket | undefined {
  const carrier = req as { [ticketKey]?: UpgradeTicket };
  const ticket = carrier[ticketKey];
  if (ticket !== undefined) delete carrier[ticketKey];
  return ticket;
}
