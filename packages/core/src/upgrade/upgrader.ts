import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Stats } from "../base/counters.ts";
import { brand, hasBrand, upgraderMark } from "../base/cross-copy.ts";
import type { Approval, Decision } from "../checks/decide.ts";
import type { FrameworkRequest } from "../checks/upgrade-request.ts";
import { checkRouteHandler } from "../connection/check-handler.ts";
import { hookNames, type ConnectionHandler } from "../connection/connection-handler.ts";
import type { Connection } from "../connection/connection.ts";
import { resolveOptions, withHandlerOptions, type UpgraderOptions } from "../connection/options.ts";
import type { Transport } from "../connection/transport.ts";
import { statsOf } from "../observe/stats-sum.ts";
import type { HandshakeTicket } from "./handshake-ticket.ts";
import { ConnectionOpener } from "./open-connection.ts";
import { RouteAnswers } from "./route-answers.ts";
import type { UpgradeAnswer } from "./upgrade-ticket.ts";

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

  readonly #opener: ConnectionOpener<Context>;
  readonly #answers: RouteAnswers<Context, Native>;

  /** @throws RangeError or TypeError for options that cannot be meant. */
  constructor(options?: UpgraderOptions<Context, Native>) {
    const resolved = resolveOptions(options);
    this.#opener = new ConnectionOpener(resolved);
    this.#answers = new RouteAnswers(resolved, this.#opener);
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
    return new Promise((opened) => void this.#answers.answer({ req, res, handler, opened }, framework));
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
    return this.#answers.answer({ req, res: undefined, handler, opened: () => {} }, framework);
  }

  /**
   * For layers that answer the handshake themselves: decides about it, and touches neither the socket nor the request. A refusal is
   * counted and told to `onReject`. Never rejects.
   * @param ticket Of `attach`, where that watches over the handshake: then `handshakeTimeoutMs` counts.
   */
  async decide<Given extends Native>(req: IncomingMessage, framework?: FrameworkRequest<Given>, ticket?: HandshakeTicket): Promise<Decision<Context, Given>> {
    return this.#answers.decide(this.#answers.requestOf(req, framework), ticket);
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
    if (mistake !== undefined) this.#opener.errors.report(mistake, { request: this.#answers.requestOf(req) });
    return mistake === undefined;
  }
}
