import type { IncomingMessage } from "node:http";
import { CloseCode } from "../base/close-code.ts";
import { RequestContext } from "../base/no-context.ts";
import type { Approval } from "../checks/decide.ts";
import type { ConnectionHandler } from "../connection/connection-handler.ts";
import type { Connection } from "../connection/connection.ts";
import type { Upgrader } from "../upgrade/upgrader.ts";
import { takeDecision } from "./check.ts";
import { pluginTicket } from "./plugin-ticket.ts";
import { OPEN, type WebSocketLike } from "./ws-output.ts";
import { WsTransport } from "./ws-transport.ts";

/**
 * For adapters of plugins that upgrade by themselves: takes a `ws` that the plugin opened. Uses the decision of an earlier `check` of
 * the same request by the same Upgrader, else decides now. Call it at once when you get the `ws`, so that no early message is lost.
 * Never rejects.
 *
 * Where `attach` handed the request over and `check` approved it, we take the socket itself, and to the plugin its `ws`
 * closes. Any other `ws` goes on reading and writing the frames, with its own compression and limits.
 * @returns the connection, or `undefined` when the request was refused: then `ws` is closed with 1008.
 */
export async function accept<Context>(
  upgrader: Upgrader<Context, never>,
  ws: WebSocketLike,
  req: IncomingMessage,
  handler?: ConnectionHandler<Context, never>,
): Promise<Connection<Context> | undefined> {
  const ticket = pluginTicket(req);
  const { approval, context = new RequestContext() } = takeDecision(upgrader, req) ?? {};
  if (!upgrader.canRun(handler, req)) {
    ws.close(CloseCode.internalError);
    return undefined;
  }
  // One that is closed already has its close frame on the wire, and nothing may follow that.
  const taken = approval !== undefined && ws.readyState === OPEN ? ticket?.take() : undefined;
  if (taken === "gone") return undefined;
  const connection =
    approval !== undefined && taken !== undefined
      ? context.run(() => upgrader.openSocket(taken.socket, taken.head, approval, handler))
      : await context.run(() => adopt(upgrader, ws, req, approval, handler));
  if (connection !== undefined) ticket?.holder.track(connection);
  return connection;
}

async function adopt<Context>(
  upgrader: Upgrader<Context, never>,
  ws: WebSocketLike,
  req: IncomingMessage,
  approved: Approval<Context> | undefined,
  handler: ConnectionHandler<Context, never> | undefined,
): Promise<Connection<Context> | undefined> {
  ws.pause();
  // Without one, an error of this socket would end the process while we decide.
  ws.on("error", () => {});
  const ticket = pluginTicket(req);
  ticket?.release();
  const approval = approved ?? (await upgrader.decide(req, undefined, ticket));
  if (!approval.ok) {
    ws.close(CloseCode.policyViolation, approval.code);
    ws.resume();
    return undefined;
  }
  // `ws` has agreed with the client on a subprotocol and a compression of its own.
  return upgrader.open(new WsTransport(ws), { ...approval, subprotocol: ws.protocol, deflate: undefined }, handler);
}
