import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Admission, type Slot } from "../checks/admission.ts";
import { brand, hasBrand, upgraderMark } from "../base/cross-copy.ts";
import { andThen, examine, type Approval, type Denial } from "../checks/approval.ts";
import { checkRouteHandler } from "../connection/check-handler.ts";
import type { RefusalCode } from "../base/errors.ts";
import { RequestContext } from "../base/no-context.ts";
import { hookNames, type ConnectionHandler } from "../connection/connection-handler.ts";
import type { Connection } from "../connection/connection.ts";
import { guard } from "../base/guard.ts";
import { isHandedOver } from "./hand-over.ts";
import type { HandshakeTicket } from "./handshake-ticket.ts";
import type { Stats } from "../base/counters.ts";
import { ConnectionOpener } from "./open-connection.ts";
import { resolveOptions, withHandlerOptions, type ResolvedOptions, type UpgraderOptions } from "../connection/options.ts";
import { drainingRefusal, notAttached, publishRefusal, refusal, Refusal, withoutConnectionHeaders, writable } from "../checks/refusal.ts";
import { statsOf } from "../observe/stats-sum.ts";
import { SWITCHING, sendAnswer, type UpgradeAnswer } from "./upgrade-answer.ts";
import { nodeRequest, UpgradeRequest, type FrameworkRequest } from "../checks/upgrade-request.ts";
import type { Transport } from "../connection/transport.ts";
import { takeTicket } from "./upgrade-ticket.ts";

type Decision<Context, Native> = Approval<Context, Native> | Refusal;
type Opened<Context> = (connection: Connection<Context> | undefined) => void;

/** Decides about upgrade requests and turns them into connections. One per set of options; all of its methods may be used at once. */
export class Upgrader<Context = unknown, Native = unknown> {
  /** Also true for one of another copy of core in this process: taking it for options would lose all of its checks. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, upgraderMark);
  }

  static {
    brand(this, upgraderMark);
  }

  readonly #options: ResolvedOptions<Context, Native>;
  readonly #opener: ConnectionOpener<Context, Native>;
  readonly #admission: Admission | undefined;
  readonly #slots = new WeakMap<UpgradeRequest<Native>, Slot>();

  /** @throws RangeError or TypeError for options that cannot be meant. */
  constructor(options: UpgraderOptions<Context, Native> = {}) {
    this.#options = resolveOptions(options);
    this.#admission = this.#options.caps && new Admission(this.#options.caps);
    this.#opener = new ConnectionOpener(this.#options);
  }

  /** `options` themselves when they are an Upgrader, else a new one. */
  static from<Context, Native>(options: UpgraderOptions<Context, Native> | Upgrader<Context, Native> = {}): Upgrader<Context, Native> {
    return options instanceof Upgrader ? options : new Upgrader(options);
  }

  /**
   * For adapters: the Upgrader of a route, behind a look at its handler. The `options` of the handler count for each option that
   * the route does not set; an Upgrader has options of its own, and then they count for nothing.
   * @throws TypeError for what is no handler, has no hook, or has one whose name is misspelled. @throws RangeError or TypeError for
   * options that cannot be meant.
   */
  static forRoute<Context, Native>(
    handler: ConnectionHandler<Context>,
    options?: UpgraderOptions<Context, Native> | Upgrader<Context, Native>,
  ): Upgrader<Context, Native> {
    checkRouteHandler(handler, options, hookNames);
    return options instanceof Upgrader ? options : new Upgrader(withHandlerOptions(handler.options, options));
  }

  /** What was counted since it was made, and how things stand now. */
  get stats(): Stats {
    return statsOf(this.#opener.setup);
  }

  /**
   * Upgrades from inside any route of a server that `attach` was called on. Writes the whole answer to `res` itself.
   * Never rejects. `framework` is for adapters.
   * @returns the connection, or `undefined` when the request was refused (and answered) or the client left.
   */
  upgrade(
    req: IncomingMessage,
    res: ServerResponse,
    handler?: ConnectionHandler<Context>,
    framework?: FrameworkRequest<Native>,
  ): Promise<Connection<Context> | undefined> {
    return new Promise((opened) => {
      void andThen(this.#answer(req, handler, framework, opened), (answer) => {
        sendAnswer(res, answer, (error) => this.#opener.errors.report(error, { request: this.#requestOf(req, framework) }));
        if (answer instanceof Refusal) opened(undefined);
      });
    });
  }

  /**
   * For adapters: what the framework should answer. When it then sends the 101, core takes the socket and runs `handler`.
   * Never rejects.
   */
  async answer(req: IncomingMessage, handler: ConnectionHandler<Context>, framework?: FrameworkRequest<Native>): Promise<UpgradeAnswer> {
    return this.#answer(req, handler, framework, () => {});
  }

  /**
   * For layers that answer the handshake themselves: decides about it, and touches neither the socket nor the request. A refusal is
   * counted and told to `onReject`. Never rejects.
   * @param ticket Of `attach`, where that watches over the handshake: then `handshakeTimeoutMs` counts.
   */
  async decide(req: IncomingMessage, framework?: FrameworkRequest<Native>, ticket?: HandshakeTicket): Promise<Approval<Context, Native> | Denial> {
    const request = this.#requestOf(req, framework);
    const decision = this.#tooLate(ticket, request) ?? (await this.#decide(request));
    // It was counted and told when its time was over.
    if (ticket?.hasExpired === true) return denial(refusal("ERR_HANDSHAKE_TIMEOUT"));
    return decision instanceof Refusal ? denial(this.#refused(decision, request)) : decision;
  }

  /**
   * For layers: makes a connection over a transport of their own. `open` runs in the async context of this call.
   * @param approval Of `decide`; its `deflate` says whether the frames are compressed.
   * @throws TypeError for what is no handler.
   */
  open(transport: Transport, approval: Approval<Context, Native>, handler?: ConnectionHandler<Context>): Connection<Context> {
    return this.#opener.over(transport, approval, handler);
  }

  /**
   * The same over a socket, on which the 101 was sent. It must be paused, with an `error` listener.
   * @param head The bytes that came behind the handshake. @throws TypeError for what is no handler.
   */
  openSocket(socket: Socket, head: Buffer, approval: Approval<Context, Native>, handler?: ConnectionHandler<Context>): Connection<Context> {
    return this.#opener.overSocket(socket, head, approval, handler);
  }

  /** For layers, before the 101 is sent or a socket is taken: what is no handler is reported to `onError`. @returns whether it is one, or left out. */
  canRun(handler: ConnectionHandler<Context> | undefined, req: IncomingMessage): boolean {
    const mistake = this.#opener.runs.mistakeIn(handler);
    if (mistake !== undefined) this.#opener.errors.report(mistake, { request: this.#requestOf(req) });
    return mistake === undefined;
  }

  #answer(
    req: IncomingMessage,
    handler: ConnectionHandler<Context> | undefined,
    framework: FrameworkRequest<Native> | undefined,
    opened: Opened<Context>,
  ): UpgradeAnswer | Refusal | Promise<UpgradeAnswer | Refusal> {
    const ticket = takeTicket(req);
    const request = this.#requestOf(req, framework);
    const mistake = this.#opener.runs.mistakeIn(handler);
    const refused = mistake === undefined ? this.#tooLate(ticket, request) : this.#checkFailed(mistake, request);
    return andThen(refused ?? this.#decide(request), (approval) => {
      // It was counted and told when its time was over.
      if (ticket?.hasExpired === true) return refusal("ERR_HANDSHAKE_TIMEOUT");
      if (approval instanceof Refusal) return this.#refused(approval, request);
      if (ticket === undefined) return this.#refused(notAttached(req, isHandedOver(req)), request);
      if (ticket.holder.isClosing) return this.#refused(drainingRefusal(ticket.holder.retryAfterSeconds), request);
      const context = new RequestContext();
      ticket.accept({
        headers: approval.headers,
        take: (socket, head) => {
          const connection = context.run(() => this.#opener.overSocket(socket, head, approval, handler));
          ticket.holder.track(connection);
          opened(connection);
        },
        abandoned: () => opened(undefined),
      });
      return SWITCHING;
    });
  }

  /** Why a route of ours may not decide any more. */
  #tooLate(ticket: HandshakeTicket | undefined, request: UpgradeRequest<Native>): Refusal | undefined {
    if (ticket === undefined) return undefined;
    // Of another copy of core, which may be an older one, it may have no such method.
    ticket.holder.meet?.(this.#opener.setup);
    if (!ticket.claim()) return refusal("ERR_TAKEN");
    const isInTime = ticket.expireAfter(this.#options.handshakeTimeoutMs, (late) => void this.#refused(late, request));
    return isInTime ? undefined : refusal("ERR_HANDSHAKE_TIMEOUT");
  }

  #requestOf(req: IncomingMessage, framework: FrameworkRequest<Native> = nodeRequest(req)): UpgradeRequest<Native> {
    const request = new UpgradeRequest(req, framework, this.#options.clientOf(req));
    this.#opener.errors.send(request, framework.logError);
    return request;
  }

  /** Neither throws nor rejects. */
  #decide(request: UpgradeRequest<Native>): Decision<Context, Native> | Promise<Decision<Context, Native>> {
    try {
      const decision = examine(request, this.#options, () => this.#admit(request));
      return decision instanceof Promise ? decision.catch((error: unknown) => this.#checkFailed(error, request)) : decision;
    } catch (error) {
      return this.#checkFailed(error, request);
    }
  }

  #checkFailed(error: unknown, request: UpgradeRequest<Native>): Refusal {
    this.#opener.errors.report(error, { request });
    return refusal("ERR_CHECK_FAILED");
  }

  /** Holds a slot from now until the request is refused or its socket closes, whatever becomes of it in between. */
  #admit(request: UpgradeRequest<Native>): RefusalCode | undefined {
    const { socket } = request.raw;
    // Of a client that left while `origin` was asked, nothing would tell us again.
    if (this.#admission === undefined || socket.destroyed) return undefined;
    const slot = this.#admission.take(request.ip);
    if (typeof slot === "string") return slot;
    this.#slots.set(request, slot);
    socket.once("close", () => slot.free());
    return undefined;
  }

  /** Of another copy of core, or changed since it was made, a refusal may be one that cannot be written. */
  #refused(given: Refusal, request: UpgradeRequest<Native>): Refusal {
    const { refusal: acceptable, error } = writable(given);
    if (acceptable !== given) this.#opener.errors.report(error, { request });
    // A request of node:http2 has a stream. One of HTTP/1 may name any version.
    const denied = "stream" in request.raw ? withoutConnectionHeaders(acceptable) : acceptable;
    this.#slots.get(request)?.free();
    this.#opener.counters.refused(denied.code);
    publishRefusal(denied, request);
    guard(() => this.#options.onReject(denied, request), (fault) => this.#opener.errors.report(fault, { request }));
    return denied;
  }
}

function denial({ status, code, headers, body }: Refusal): Denial {
  return { ok: false, status, code, headers, body };
}
