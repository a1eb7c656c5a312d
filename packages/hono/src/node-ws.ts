import { attach as attachServer, defaults, Upgrader, type Attachment, type AttachOptions, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { accept, answerThroughPlugin, check, pluginServer } from "@upwire/core/adapter";
import type { ServerType } from "@hono/node-server";
import type { Context as HonoContext } from "hono";
import { checkNodeWs, incomingOf, withoutSocket, type NodeWebSocket } from "./mistakes.ts";
import { responseOf } from "./response.ts";
import type { WebSocketRoute } from "./route.ts";

export type { NodeWebSocket, WebSocketRoute };

export interface NodeWsAttachOptions extends AttachOptions {
  /**
   * For routes of the plugin's own: options of its `WebSocketServer`, which it gives no other way to set.
   * @default 1 MiB, 1,024 fragments
   */
  readonly options?: { readonly maxPayload?: number; readonly maxFragments?: number; readonly perMessageDeflate?: object };
}

/**
 * In place of `nodeWs.injectWebSocket(server)`: `attach(serve({ fetch: app.fetch }), nodeWs)`. A handshake is checked and
 * guarded before `@hono/node-ws` sees it, so that neither `GET //` nor a reset ends the process.
 * @throws Error when this server is attached already.
 */
export function attach(server: ServerType, nodeWs: NodeWebSocket, attachOptions: NodeWsAttachOptions = {}): Attachment {
  checkNodeWs(nodeWs, "attach(serve({ fetch: app.fetch }), nodeWs)");
  const { options, ...ours } = attachOptions;
  const relay = pluginServer();
  nodeWs.injectWebSocket(relay.server as Parameters<NodeWebSocket["injectWebSocket"]>[0]);
  Object.assign(nodeWs.wss.options, { maxPayload: defaults.connection.maxMessageBytes, maxFragments: defaults.connection.maxFragments }, options);
  answerThroughPlugin(nodeWs.wss);
  return attachServer(server as Parameters<typeof attachServer>[0], { ...ours, handOver: relay.handOver });
}

/**
 * A WebSocket route: `app.get("/ws", websocket(nodeWs, handler))`, upgraded by `@hono/node-ws`. That plugin writes the
 * 101 itself, where headers set after `next()` do not reach it, and a 404 of the application as a bare status. Then it lets
 * go of the client, which is not in `nodeWs.wss.clients`.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context, Native extends HonoContext = HonoContext>(
  nodeWs: NodeWebSocket,
  handler: ConnectionHandler<Context, Native>,
  options?: UpgraderOptions<Context, Native> | Upgrader<Context, Native>,
): WebSocketRoute<Native> {
  checkNodeWs(nodeWs, 'app.get("/ws", websocket(nodeWs, handler))');
  const upgrader = Upgrader.forRoute(handler, options);
  return async (c, next) => {
    const req = incomingOf(c);
    if (req === undefined) return withoutSocket(c);
    const headers = { ...Object.fromEntries(c.res.headers), "set-cookie": c.res.headers.getSetCookie() };
    const decision = await check(upgrader, req, { native: c as HonoContext as Native, params: c.req.param(), headers });
    if (!decision.ok) return responseOf(c, decision);
    const upgrade = nodeWs.upgradeWebSocket(() => ({
      onOpen: (_event, { raw }) => void (raw && accept(upgrader, raw, req, handler)),
    }));
    return upgrade(c, next);
  };
}
