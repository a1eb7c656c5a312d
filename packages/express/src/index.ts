import { Upgrader, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { Request, RequestHandler } from "express";

export { attach } from "@upwire/core";

/**
 * A WebSocket route: `app.get("/ws", websocket(handler))`. Middleware in front of it runs before the upgrade, as for any
 * request, and `request.native` is Express's own request.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context>(
  handler: ConnectionHandler<Context>,
  options?: UpgraderOptions<Context, Request> | Upgrader<Context, Request>,
): RequestHandler {
  const upgrader = Upgrader.forRoute(handler, options);
  return async (req, res) => {
    await upgrader.upgrade(req, res, handler, { native: req, params: req.params as Readonly<Record<string, string>> });
  };
}
