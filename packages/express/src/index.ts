import { Upgrader, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { NextFunction, Request, Response } from "express";

export { attach } from "@upwire/core";

/**
 * A WebSocket route: `app.get("/ws", websocket(handler))`. Middleware in front of it runs before the upgrade, as for any
 * request, and `request.native` is Express's own request: `app.get<Params>(path, …)` types it as for any handler.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context, Native extends Request<unknown> = Request>(
  handler: ConnectionHandler<Context, Native>,
  options?: UpgraderOptions<Context, Native> | Upgrader<Context, Native>,
): (req: Native, res: Response, next: NextFunction) => Promise<void> {
  const upgrader = Upgrader.forRoute(handler, options);
  return async (req, res) => {
    await upgrader.upgrade(req, res, handler, { native: req, params: req.params as object });
  };
}
