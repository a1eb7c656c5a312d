import type { IncomingMessage } from "node:http";
import { pluginDecisionKey } from "../base/cross-copy.ts";
import { RequestContext } from "../base/no-context.ts";
import type { Approval, Decision } from "../checks/decide.ts";
import { isWithoutSocket, withoutSocket } from "../checks/refusal.ts";
import { nodeRequest, type FrameworkRequest } from "../checks/upgrade-request.ts";
import type { Upgrader } from "../upgrade/upgrader.ts";
import { pluginTicket } from "./plugin-ticket.ts";

/** A yes, and the async context of the route that asked. */
interface Approved<Context> {
  /** Whose it is: the yes of one route is none of another's. */
  readonly upgrader: Upgrader<Context, never>;
  readonly approval: Approval<Context>;
  readonly context: RequestContext;
}

interface DecidedRequest<Context> {
  [pluginDecisionKey]?: Approved<Context> | undefined;
}

/**
 * For adapters of plugins that upgrade by themselves: decides about a request before the plugin answers it. On a yes, give the
 * plugin's `ws` to `accept`. Never rejects.
 *
 * On a yes where `attach` has handed the request over and nothing of it was read or answered yet, it changes the request: it deletes
 * the header `sec-websocket-extensions`, so that the plugin's `ws` agrees on no compression of its own. We read the frames then, and
 * `answerThroughPlugin` writes into the 101 what was decided. On a no, and everywhere else, the request stays as it is.
 * @param framework What the framework knows of the request; its `headers` go on the 101.
 */
export async function check<Context, Native, Given extends Native>(
  upgrader: Upgrader<Context, Native>,
  req: IncomingMessage,
  framework: FrameworkRequest<Given> = nodeRequest(req),
): Promise<Decision<Context, Given>> {
  const ticket = pluginTicket(req);
  const decision = await upgrader.decide(req, framework, ticket);
  if (!decision.ok) {
    if (ticket?.hasExpired === false && decision.code !== undefined) ticket.complete(decision);
    return decision;
  }
  // Such as `fastify.inject`: no plugin could upgrade it.
  if (ticket === undefined && isWithoutSocket(req)) return withoutSocket("ERR_NOT_ATTACHED");
  (req as DecidedRequest<Context>)[pluginDecisionKey] = { upgrader, approval: decision, context: new RequestContext() };
  if (ticket?.withhold() === true) {
    // We read the frames, so the compression is ours too: the plugin's `ws` must not agree on one of its own.
    delete req.headers["sec-websocket-extensions"];
    const cookies = [framework.headers?.["set-cookie"] ?? [], decision.headers["set-cookie"] ?? []].flat();
    const headers = { ...framework.headers, ...decision.headers, "set-cookie": cookies };
    ticket.answer = { subprotocol: decision.subprotocol, extensions: decision.deflate?.header, headers };
  }
  return decision;
}

/** Takes what `check` decided for `upgrader` off the request: it counts once. */
export function takeDecision<Context>(upgrader: Upgrader<Context, never>, req: IncomingMessage): Approved<Context> | undefined {
  const decided = req as DecidedRequest<Context>;
  const decision = decided[pluginDecisionKey];
  if (decision?.upgrader !== upgrader) return undefined;
  decided[pluginDecisionKey] = undefined;
  return decision;
}
