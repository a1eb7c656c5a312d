import { attach as attachServer, Upgrader, type Attachment, type AttachOptions, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { ServerType } from "@hono/node-server";
import type { Context as HonoContext } from "hono";
import { incomingOf, withoutSocket } from "./mistakes.ts";
import { responseOf } from "./response.ts";
import type { WebSocketRoute } from "./route.ts";

export type { WebSocketRoute };

/**
 * Routes the upgrade requests of a server through its application: `attach(serve({ fetch: app.fetch, port: 8080 }))`.
 * Leave the `websocket` option of `serve` out. HTTP/2 has no upgrades: the server must speak HTTP/1.1.
 * @throws Error when this server is attached already.
 */
export function attach(server: ServerType, options?: AttachOptions): Attachment {
  return attachServer(server as Parameters<typeof attachServer>[0], options);
}

/**
 * A WebSocket route: `app.get("/ws", websocket(handler))`, on a server of `@hono/node-server`. Middleware around it runs
 * as for any request, headers set after `next()` included, and `request.native` is Hono's context.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context, Native extends HonoContext = HonoContext>(
  handler: ConnectionHandler<Context, Native>,
  options?: UpgraderOptions<Context, Native> | Upgrader<Context, Native>,
): WebSocketRoute<Native> {
  const upgrader = Upgrader.forRoute(handler, options);
  return async (c) => {
    const incoming = incomingOf(c);
    if (incoming === undefined) return withoutSocket(c);
    const { status, headers, body } = await upgrader.answer(incoming, handler, { native: c as HonoContext as Native, params: c.req.param() });
    // A Response of the Fetch standard cannot say 101; core sends it in place of a 204.
    if (status === 101) return c.body(null, 204);
    return responseOf(c, { status, headers, body });
  };
}
