import { EventEmitter } from "node:events";
import { attach as attachServer, Upgrader, type Attachment, type AttachOptions, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { HttpBindings } from "@hono/node-server";
import type { createNodeWebSocket } from "@hono/node-ws";
import type { Context as HonoContext, Handler } from "hono";

/** What `createNodeWebSocket({ app })` returns. */
export type NodeWebSocket = ReturnType<typeof createNodeWebSocket>;

/**
 * In place of `nodeWs.injectWebSocket(server)`: `attach(serve({ fetch: app.fetch }), nodeWs)`. A handshake is checked and
 * guarded before `@hono/node-ws` sees it, so that neither `GET //` nor a reset ends the process.
 * @throws Error when this server is attached already.
 */
export function attach(server: Parameters<typeof attachServer>[0], nodeWs: NodeWebSocket, options: AttachOptions = {}): Attachment {
  const relay = new EventEmitter();
  nodeWs.injectWebSocket(relay as Parameters<NodeWebSocket["injectWebSocket"]>[0]);
  const [upgrade] = relay.listeners("upgrade") as NonNullable<AttachOptions["handOver"]>[];
  return attachServer(server, {
    ...options,
    // Called by name and not through `emit`, which would lose its promise.
    handOver: async (req, socket, head) => upgrade?.(req, socket, head),
  });
}

/**
 * A WebSocket route: `app.get("/ws", websocket(nodeWs, handler))`, upgraded by `@hono/node-ws`. That plugin writes the
 * 101 and every refusal itself: headers, cookies and bodies do not reach them, and it has no compression or subprotocols.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context>(
  nodeWs: NodeWebSocket,
  handler: ConnectionHandler<Context>,
  options?: UpgraderOptions<Context, HonoContext> | Upgrader<Context, HonoContext>,
): Handler {
  const upgrader = Upgrader.from(options);
  return async (c, next) => {
    const { incoming } = c.env as HttpBindings;
    const req = incoming;
    const decision = await upgrader.check(req, { native: c as HonoContext, params: c.req.param() });
    if (!decision.ok) return c.body(decision.body, decision.status as 400, decision.headers);
    const upgrade = nodeWs.upgradeWebSocket(() => ({
      onOpen: (_event, { raw }) => {
        if (raw !== undefined) void upgrader.accept(raw, req, handler);
      },
    }));
    return upgrade(c, next);
  };
}
