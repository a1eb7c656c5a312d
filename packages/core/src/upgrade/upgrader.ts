import type { IncomingMessage, ServerResponse } from "node:http";
import { Admission, type Slot } from "../checks/admission.ts";
import { brand, hasBrand, upgraderMark } from "../base/cross-copy.ts";
import { OPEN, type WebSocketLike } from "../ws/ws-exit.ts";
import { andThen, examine, type Approval, type Denial } from "../checks/approval.ts";
import { checkRouteHandler } from "../connection/check-handler.ts";
import { CloseCode } from "../base/close-code.ts";
import type { RefusalCode } from "../base/errors.ts";
import { RequestContext } from "../base/no-context.ts";
import { hookNames, type ConnectionHandler } from "../connection/connection-handler.ts";
import type { Connection } from "../connection/connection.ts";
import { guard } from "../base/guard.ts";
import { pluginTicket } from "../ws/plugin-ticket.ts";
import type { Stats } from "../base/counters.ts";
import { ConnectionOpener } from "./open-connection.ts";
import { resolveOptions, withHandlerOptions, type ResolvedOptions, type UpgraderOptions } from "../connection/options.ts";
import { drainingRefusal, notAttached, publishRefusal, refusal, Refusal, refusalWithoutSocket, withoutConnectionHeaders, writable } from "../checks/refusal.ts";
import { statsOf } from "../observe/stats-sum.ts";
import { SWITCHING, sendAnswer, type UpgradeAnswer } from "./upgrade-answer.ts";
import { nodeRequest, UpgradeRequest, type FrameworkRequest } from "../checks/upgrade-request.ts";
import { takeTicket, type UpgradeTicket } from "./upgrade-ticket.ts";

type Decision<Context, Native> = Approval<Context, Native> | Refusal;
/** With the async context of the route that asked. */
type Approved<Context, Native> = { readonly approval: Approval<Context, Native>; readonly context: RequestContext };
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
  readonly #approved = new WeakMap<IncomingMessage, Approved<Context, Native>>();

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
   * Decides without touching the socket: where a framework's plugin does the upgrade and its `ws` goes to
   * `accept`. Never rejects.
   */
  async check(req: IncomingMessage, framework: FrameworkRequest<Native> = nodeRequest(req)): Promise<Approval<Context, Native> | Denial> {
    const ticket = pluginTicket(req);
    const request = this.#requestOf(req, framework);
    const decided = this.#tooLate(ticket, request) ?? (await this.#decide(request));
    const decision = ticket === undefined ? withoutSocket(req, decided) : decided;
    // It was counted and told when its time was over.
    if (ticket?.hasExpired === true) return denial(refusal("ERR_HANDSHAKE_TIMEOUT"));
    if (decision instanceof Refusal) {
      const denied = this.#refused(decision, request);
      ticket?.complete(decision);
      return denial(denied);
    }
    this.#approved.set(req, { approval: decision, context: new RequestContext() });
    if (ticket?.withhold() === true) {
      // We read the frames, so the compression is ours too: the plugin's `ws` must not agree on one of its own.
      delete req.headers["sec-websocket-extensions"];
      const cookies = [framework.headers?.["set-cookie"] ?? [], decision.headers["set-cookie"] ?? []].flat();
      const headers = { ...framework.headers, ...decision.headers, "set-cookie": cookies };
      ticket.answer = { subprotocol: decision.subprotocol, extensions: decision.deflate?.header, headers };
    }
    return decision;
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
   * Takes a `ws` that a plugin opened. Uses the decision of an earlier `check` of the same request, else decides now.
   * Call it at once when you get the `ws`, so that no early message is lost. Never rejects.
   *
   * Where `attach` handed the request over and `check` approved it, we take the socket itself, and to the plugin its `ws`
   * closes. Any other `ws` goes on reading and writing the frames, with its own compression and limits.
   * @returns the connection, or `undefined` when the request was refused: then `ws` is closed with 1008.
   */
  async accept(ws: WebSocketLike, req: IncomingMessage, handler?: ConnectionHandler<Context>): Promise<Connection<Context> | undefined> {
    const ticket = pluginTicket(req);
    const { approval, context = new RequestContext() } = this.#approved.get(req) ?? {};
    this.#approved.delete(req);
    const mistake = this.#opener.runs.mistakeIn(handler);
    if (mistake !== undefined) {
      this.#opener.errors.report(mistake, { request: approval?.request ?? this.#requestOf(req) });
      ws.close(CloseCode.internalError);
      return undefined;
    }
    // One that is closed already has its close frame on the wire, and nothing may follow that.
    const taken = approval !== undefined && ws.readyState === OPEN ? ticket?.take() : undefined;
    if (taken === "gone") return undefined;
    const connection =
      approval !== undefined && taken !== undefined
        ? context.run(() => this.#opener.overSocket(taken.socket, taken.head, approval, handler))
        : await context.run(() => this.#adopt(ws, req, approval, handler));
    if (connection !== undefined) ticket?.holder.track(connection);
    return connection;
  }

  async #adopt(
    ws: WebSocketLike,
    req: IncomingMessage,
    approved: Approval<Context, Native> | undefined,
    handler: ConnectionHandler<Context> | undefined,
  ): Promise<Connection<Context> | undefined> {
    ws.pause();
    // Without one, an error of this socket would end the process while we decide.
    ws.on("error", () => {});
    pluginTicket(req)?.release();
    const approval = approved ?? (await this.check(req));
    if (!approval.ok) {
      ws.close(CloseCode.policyViolation, approval.code);
      ws.resume();
      return undefined;
    }
    return this.#opener.overWs(ws, approval, handler);
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
    return andThen(refused ?? this.#decide(request), (decided) => {
      const approval = ticket === undefined ? withoutSocket(req, decided) : decided;
      // It was counted and told when its time was over.
      if (ticket?.hasExpired === true) return refusal("ERR_HANDSHAKE_TIMEOUT");
      if (approval instanceof Refusal) return this.#refused(approval, request);
      if (ticket === undefined) return this.#refused(notAttached(pluginTicket(req) !== undefined), request);
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
  #tooLate(ticket: Pick<UpgradeTicket, "claim" | "expireAfter" | "holder"> | undefined, request: UpgradeRequest<Native>): Refusal | undefined {
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

function withoutSocket<Context, Native>(req: IncomingMessage, decision: Decision<Context, Native>): Decision<Context, Native> {
  return refusalWithoutSocket(req, decision instanceof Refusal ? decision : undefined) ?? decision;
}

function denial({ status, code, headers, body }: Refusal): Denial {
  return { ok: false, status, code, headers, body };
}
