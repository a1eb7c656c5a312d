import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { warnOfLoopback } from "../checks/allowed-hosts.ts";
import { brand, hasBrand, upgraderMark } from "../base/cross-copy.ts";
import { OPEN, type WebSocketLike } from "../ws/ws-exit.ts";
import { Decider, type Approval, type Awaitable, type Decision } from "../checks/decide.ts";
import { checkRouteHandler } from "../connection/check-handler.ts";
import { CloseCode } from "../base/close-code.ts";
import { RequestContext } from "../base/no-context.ts";
import { hookNames, type ConnectionHandler } from "../connection/connection-handler.ts";
import type { Connection } from "../connection/connection.ts";
import { pluginTicket, type PluginTicket } from "../ws/plugin-ticket.ts";
import type { Stats } from "../base/counters.ts";
import { ConnectionOpener } from "./open-connection.ts";
import { resolveOptions, withHandlerOptions, type ResolvedOptions, type UpgraderOptions } from "../connection/options.ts";
import { drainingRefusal, notAttached, refusal } from "../checks/refusal.ts";
import { statsOf } from "../observe/stats-sum.ts";
import { nodeRequest, UpgradeRequest, type FrameworkRequest } from "../checks/upgrade-request.ts";
import { sendAnswer, SWITCHING, takeTicket, type TicketHolder, type UpgradeAnswer, type UpgradeTicket } from "./upgrade-ticket.ts";

/** With the async context of the route that asked. */
type Approved<Context> = { readonly approval: Approval<Context>; readonly context: RequestContext };

/** What a route was called with. */
interface Call<Context, Given> {
  readonly req: IncomingMessage;
  /** Where the answer is written; `undefined` when the framework does it. */
  readonly res: ServerResponse | undefined;
  readonly handler: ConnectionHandler<Context, Given> | undefined;
  readonly opened: (connection: Connection<Context> | undefined) => void;
}

/**
 * Decides about upgrade requests and turns them into connections. One per set of options; all of its methods may be used at once.
 * Its `Native` is what its options ask of the framework's request: one that asks nothing (`unknown`) fits every adapter.
 */
export class Upgrader<Context = unknown, in Native = unknown> {
  /** Also true for one of another copy of core in this process: taking it for options would lose all of its checks. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, upgraderMark);
  }

  static {
    brand(this, upgraderMark);
  }

  readonly #options: ResolvedOptions<Context, Native>;
  readonly #opener: ConnectionOpener<Context>;
  readonly #decider: Decider<Context, Native>;
  /** Servers that know of this one. */
  readonly #met = new WeakSet<TicketHolder>();
  readonly #approved = new WeakMap<IncomingMessage, Approved<Context>>();

  /** @throws RangeError or TypeError for options that cannot be meant. */
  constructor(options: UpgraderOptions<Context, Native> = {}) {
    this.#options = resolveOptions(options);
    this.#opener = new ConnectionOpener(this.#options);
    const { counters, errors } = this.#opener;
    this.#decider = new Decider(this.#options, counters, (error, request) => errors.report(error, { request }));
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
    handler: ConnectionHandler<Context, Native>,
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
  async check<Given extends Native>(req: IncomingMessage, framework: FrameworkRequest<Given> = nodeRequest(req)): Promise<Decision<Context, Given>> {
    const ticket = pluginTicket(req);
    const request = this.#requestOf(req, framework);
    const obstacle = ticket && this.#obstacle(ticket, request);
    const decision = obstacle === undefined ? await this.#decider.decide(request, ticket) : this.#decider.refuse(refusal(obstacle), request, ticket);
    if (!decision.ok) {
      if (ticket?.hasExpired === false) ticket.complete(decision);
      return decision;
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
  upgrade<Given extends Native>(
    req: IncomingMessage,
    res: ServerResponse,
    handler?: ConnectionHandler<Context, Given>,
    framework?: FrameworkRequest<Given>,
  ): Promise<Connection<Context> | undefined> {
    return new Promise((opened) => void this.#answer({ req, res, handler, opened }, framework));
  }

  /**
   * For adapters: what the framework should answer. When it then sends the 101, core takes the socket and runs `handler`.
   * Never rejects.
   */
  async answer<Given extends Native>(req: IncomingMessage, handler: ConnectionHandler<Context, Given>, framework?: FrameworkRequest<Given>): Promise<UpgradeAnswer> {
    return this.#answer({ req, res: undefined, handler, opened: () => {} }, framework);
  }

  /**
   * Takes a `ws` that a plugin opened. Uses the decision of an earlier `check` of the same request, else decides now.
   * Call it at once when you get the `ws`, so that no early message is lost. Never rejects.
   *
   * Where `attach` handed the request over and `check` approved it, we take the socket itself, and to the plugin its `ws`
   * closes. Any other `ws` goes on reading and writing the frames, with its own compression and limits.
   * @returns the connection, or `undefined` when the request was refused: then `ws` is closed with 1008.
   */
  async accept(ws: WebSocketLike, req: IncomingMessage, handler?: ConnectionHandler<Context, never>): Promise<Connection<Context> | undefined> {
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
    approved: Approval<Context> | undefined,
    handler: ConnectionHandler<Context, never> | undefined,
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

  #answer<Given extends Native>(call: Call<Context, Given>, framework: FrameworkRequest<Given> | undefined): Awaitable<UpgradeAnswer> {
    const { req, handler } = call;
    const request = this.#requestOf(req, framework);
    const mistake = this.#opener.runs.mistakeIn(handler);
    const ticket = takeTicket(req);
    if (ticket !== undefined && !this.#met.has(ticket.holder)) this.#meet(ticket.holder, request);
    const { handshakeTimeoutMs } = this.#options;
    let decision: Awaitable<Decision<Context, Given>>;
    if (mistake !== undefined) decision = this.#decider.fail(mistake, request, ticket);
    else {
      const obstacle = ticket?.claim(handshakeTimeoutMs, (late) => void this.#decider.refuse(late, request));
      decision = obstacle === undefined ? this.#decider.decide(request, ticket) : this.#decider.refuse(refusal(obstacle), request, ticket);
    }
    if (decision instanceof Promise) return decision.then((later) => this.#finish(later, request, ticket, call));
    return this.#finish(decision, request, ticket, call);
  }

  #finish<Given extends Native>(decision: Decision<Context, Given>, request: UpgradeRequest<Given>, ticket: UpgradeTicket | undefined, call: Call<Context, Given>): UpgradeAnswer {
    const answer = decision.ok ? this.#accept(decision, ticket, call) : decision;
    if (call.res !== undefined) sendAnswer(call.res, answer, (error) => this.#opener.errors.report(error, { request }));
    if (answer !== SWITCHING) call.opened(undefined);
    return answer;
  }

  /** The server may have a no of its own. */
  #accept<Given extends Native>(approval: Approval<Context, Given>, ticket: UpgradeTicket | undefined, { req, handler, opened }: Call<Context, Given>): UpgradeAnswer {
    const { request, headers } = approval;
    if (ticket === undefined) return this.#decider.refuse(notAttached(req, pluginTicket(req) !== undefined), request);
    const { holder, state } = ticket;
    if (state.isClosing) return this.#decider.refuse(drainingRefusal(state.retryAfterSeconds), request);
    const take = (socket: Socket, head: Buffer): void => {
      const connection = this.#opener.overSocket(socket, head, approval, handler);
      holder.track(connection);
      opened(connection);
    };
    ticket.accept({ headers, context: new RequestContext(), take, abandoned: () => opened(undefined) });
    return SWITCHING;
  }

  /** The first request of a server. */
  #meet(holder: TicketHolder, { raw }: UpgradeRequest<Native>): void {
    this.#met.add(holder);
    if (this.#options.warnsOfLoopback) warnOfLoopback(raw.socket);
    // Of another copy of core, which may be an older one, it may have no such method.
    holder.meet?.(this.#opener.setup);
  }

  /** Why a route of ours may not decide about a handshake that a plugin does. */
  #obstacle(ticket: PluginTicket, request: UpgradeRequest<Native>): "ERR_TAKEN" | "ERR_HANDSHAKE_TIMEOUT" | undefined {
    if (!this.#met.has(ticket.holder)) this.#meet(ticket.holder, request);
    if (!ticket.claim()) return "ERR_TAKEN";
    const isInTime = ticket.expireAfter(this.#options.handshakeTimeoutMs, (late) => void this.#decider.refuse(late, request));
    return isInTime && !ticket.hasExpired ? undefined : "ERR_HANDSHAKE_TIMEOUT";
  }

  #requestOf<Given extends Native>(req: IncomingMessage, framework: FrameworkRequest<Given> = nodeRequest(req)): UpgradeRequest<Given> {
    const request = new UpgradeRequest(req, framework, this.#options.clientOf);
    if (framework.logError !== undefined) this.#opener.errors.send(request, framework.logError);
    return request;
  }
}
