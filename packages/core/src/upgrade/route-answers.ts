import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { RequestContext } from "../base/no-context.ts";
import { warnOfLoopback } from "../checks/allowed-hosts.ts";
import { Decider, type Approval, type Awaitable, type Decision } from "../checks/decide.ts";
import { notAttached, notThePlugins, shutdownRefusal } from "../checks/refusal.ts";
import { nodeRequest, UpgradeRequest, type FrameworkRequest } from "../checks/upgrade-request.ts";
import type { ConnectionHandler } from "../connection/connection-handler.ts";
import type { Connection } from "../connection/connection.ts";
import type { ResolvedOptions } from "../connection/options.ts";
import { isHandedOver } from "./hand-over.ts";
import type { HandshakeTicket } from "./handshake-ticket.ts";
import type { ConnectionOpener } from "./open-connection.ts";
import { sendAnswer, SWITCHING, takeTicket, type TicketHolder, type UpgradeAnswer, type UpgradeTicket } from "./upgrade-ticket.ts";

/** What a route was called with. */
export interface Call<Context, Given> {
  readonly req: IncomingMessage;
  /** Where the answer is written; `undefined` when the framework does it. */
  readonly res: ServerResponse | undefined;
  readonly handler: ConnectionHandler<Context, Given> | undefined;
  readonly opened: (connection: Connection<Context> | undefined) => void;
}

/** What the routes of one Upgrader answer: it decides about a request, and a yes becomes a connection once the 101 is written. */
export class RouteAnswers<Context, Native> {
  readonly #options: ResolvedOptions<Context, Native>;
  readonly #opener: ConnectionOpener<Context>;
  readonly #decider: Decider<Context, Native>;
  /** Servers that know of this Upgrader. */
  readonly #met = new WeakSet<TicketHolder>();

  constructor(options: ResolvedOptions<Context, Native>, opener: ConnectionOpener<Context>) {
    this.#options = options;
    this.#opener = opener;
    this.#decider = new Decider(options, opener.counters, (error, request) => opener.errors.report(error, { request }));
  }

  /** Neither throws nor rejects. */
  answer<Given extends Native>(call: Call<Context, Given>, framework: FrameworkRequest<Given> | undefined): Awaitable<UpgradeAnswer> {
    const { req, handler } = call;
    const request = this.requestOf(req, framework);
    const mistake = this.#opener.runs.mistakeIn(handler);
    const ticket = takeTicket(req);
    if (ticket !== undefined && !this.#met.has(ticket.holder)) this.#meet(ticket.holder, request);
    const decision = mistake === undefined ? this.#decider.decide(request, ticket) : this.#decider.fail(mistake, request, ticket);
    if (decision instanceof Promise) return decision.then((later) => this.#finish(later, request, ticket, call));
    return this.#finish(decision, request, ticket, call);
  }

  /** For layers that answer by themselves. Neither throws nor rejects. */
  decide<Given extends Native>(request: UpgradeRequest<Given>, ticket: HandshakeTicket | undefined): Awaitable<Decision<Context, Given>> {
    if (ticket !== undefined && !this.#met.has(ticket.holder)) this.#meet(ticket.holder, request);
    return this.#decider.decide(request, ticket);
  }

  requestOf<Given extends Native>(req: IncomingMessage, framework: FrameworkRequest<Given> = nodeRequest(req)): UpgradeRequest<Given> {
    const request = new UpgradeRequest(req, framework, this.#options.clientOf);
    if (framework.logError !== undefined) this.#opener.errors.send(request, framework.logError);
    return request;
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

  /** The checks have said yes. The server may still refuse: it shuts down, or was not attached. */
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

  /** Called for the first request of a server. */
  #meet(holder: TicketHolder, { raw }: UpgradeRequest<Native>): void {
    this.#met.add(holder);
    if (this.#options.warnsOfLoopback) warnOfLoopback(raw.socket);
    // The holder may be of an older copy of core, which has no such method.
    holder.meet?.(this.#opener.setup);
  }
}
