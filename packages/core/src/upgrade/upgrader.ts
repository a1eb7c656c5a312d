import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { warnOfLoopback } from "../checks/allowed-hosts.ts";
import { brand, hasBrand, upgraderMark } from "../base/cross-copy.ts";
import { Decider, type Approval, type Awaitable, type Decision } from "../checks/decide.ts";
import { checkRouteHandler } from "../connection/check-handler.ts";
import { RequestContext } from "../base/no-context.ts";
import { hookNames, type ConnectionHandler } from "../connection/connection-handler.ts";
import type { Connection } from "../connection/connection.ts";
import type { Transport } from "../connection/transport.ts";
import { isHandedOver } from "./hand-over.ts";
import type { HandshakeTicket } from "./handshake-ticket.ts";
import type { Stats } from "../base/counters.ts";
import { ConnectionOpener } from "./open-connection.ts";
import { resolveOptions, withHandlerOptions, type ResolvedOptions, type UpgraderOptions } from "../connection/options.ts";
import { notAttached, notThePlugins, refusal, shutdownRefusal } from "../checks/refusal.ts";
import { statsOf } from "../observe/stats-sum.ts";
import { nodeRequest, UpgradeRequest, type FrameworkRequest } from "../checks/upgrade-request.ts";
import { sendAnswer, SWITCHING, takeTicket, type TicketHolder, type UpgradeAnswer, type UpgradeTicket } from "./upgrade-ticket.ts";

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

  /** @throws RangeError or TypeError for options that cannot be meant. */
  constructor(options?: UpgraderOptions<Context, Native>) {
    this.#options = resolveOptions(options);
    this.#opener = new ConnectionOpener(this.#options);
    const { counters, errors } = this.#opener;
    this.#decider = new Decider(this.#options, counters, (error, request) => errors.report(error, { request }));
  }

  /** `options` themselves when they are an Upgrader, else a new one. */
  static from<Context, Native>(options?: UpgraderOptions<Context, Native> | Upgrader<Context, Native>): Upgrader<Context, Native> {
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
  async answer<Given extends Native>(
    req: IncomingMessage,
    handler: ConnectionHandler<Context, Given>,
    framework?: FrameworkRequest<Given>,
  ): Promise<UpgradeAnswer> {
    return this.#answer({ req, res: undefined, handler, opened: () => {} }, framework);
  }

  /**
   * For layers that answer the handshake themselves: decides about it, and touches neither the socket nor the request. A refusal is
   * counted and told to `onReject`. Never rejects.
   * @param ticket Of `attach`, where that watches over the handshake: then `handshakeTimeoutMs` counts.
   */
  async decide<Given extends Native>(req: IncomingMessage, framework?: FrameworkRequest<Given>, ticket?: HandshakeTicket): Promise<Decision<Context, Given>> {
    const request = this.#requestOf(req, framework);
    if (ticket !== undefined && !this.#met.has(ticket.holder)) this.#meet(ticket.holder, request);
    return this.#decide(request, ticket);
  }

  /**
   * For layers: makes a connection over a transport of their own. `open` runs in the async context of this call.
   * @param approval Of `decide`; its `deflate` says whether the frames are compressed.
   * @throws TypeError for what is no handler.
   */
  open(transport: Transport, approval: Approval<Context>, handler?: ConnectionHandler<Context, never>): Connection<Context> {
    return this.#opener.over(transport, approval, handler);
  }

  /**
   * The same over a socket, on which the 101 was sent. It must be paused, with an `error` listener.
   * @param head The bytes that came behind the handshake. @throws TypeError for what is no handler.
   */
  openSocket(socket: Socket, head: Buffer, approval: Approval<Context>, handler?: ConnectionHandler<Context, never>): Connection<Context> {
    return this.#opener.overSocket(socket, head, approval, handler);
  }

  /** For layers, before a socket is taken: what is no handler is reported to `onError`. @returns whether it is one, or left out. */
  canRun(handler: ConnectionHandler<Context, never> | undefined, req: IncomingMessage): boolean {
    const mistake = this.#opener.runs.mistakeIn(handler);
    if (mistake !== undefined) this.#opener.errors.report(mistake, { request: this.#requestOf(req) });
    return mistake === undefined;
  }

  #answer<Given extends Native>(call: Call<Context, Given>, framework: FrameworkRequest<Given> | undefined): Awaitable<UpgradeAnswer> {
    const { req, handler } = call;
    const request = this.#requestOf(req, framework);
    const mistake = this.#opener.runs.mistakeIn(handler);
    const ticket = takeTicket(req);
    if (ticket !== undefined && !this.#met.has(ticket.holder)) this.#meet(ticket.holder, request);
    const decision = mistake === undefined ? this.#decide(request, ticket) : this.#decider.fail(mistake, request, ticket);
    if (decision instanceof Promise) return decision.then((later) => this.#finish(later, request, ticket, call));
    return this.#finish(decision, request, ticket, call);
  }

  /** Neither throws nor rejects. */
  #decide<Given extends Native>(request: UpgradeRequest<Given>, ticket: HandshakeTicket | undefined): Awaitable<Decision<Context, Given>> {
    const obstacle = ticket?.claim(this.#options.handshakeTimeoutMs, (late) => void this.#decider.refuse(late, request));
    return obstacle === undefined ? this.#decider.decide(request, ticket) : this.#decider.refuse(refusal(obstacle), request, ticket);
  }

  #finish<Given extends Native>(
    decision: Decision<Context, Given>,
    request: UpgradeRequest<Given>,
    ticket: UpgradeTicket | undefined,
    call: Call<Context, Given>,
  ): UpgradeAnswer {
    const answer = decision.ok ? this.#accept(decision, ticket, call) : decision;
    if (call.res !== undefined) sendAnswer(call.res, answer, (error) => this.#opener.errors.report(error, { request }));
    if (answer !== SWITCHING) call.opened(undefined);
    return answer;
  }

  /** The server may have a no of its own. */
  #accept<Given extends Native>(
    approval: Approval<Context, Given>,
    ticket: UpgradeTicket | undefined,
    { req, handler, opened }: Call<Context, Given>,
  ): UpgradeAnswer {
    const { request, headers } = approval;
    if (ticket === undefined) return this.#decider.refuse(isHandedOver(req) ? notThePlugins() : notAttached(req), request);
    const { holder, state } = ticket;
    if (state.isClosing) return this.#decider.refuse(shutdownRefusal(state.retryAfterSeconds), request);
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

  #requestOf<Given extends Native>(req: IncomingMessage, framework: FrameworkRequest<Given> = nodeRequest(req)): UpgradeRequest<Given> {
    const request = new UpgradeRequest(req, framework, this.#options.clientOf);
    if (framework.logError !== undefined) this.#opener.errors.send(request, framework.logError);
    return request;
  }
}
