import { Upgrader, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { Context as KoaContext, Next } from "koa";

export { attach } from "@upwire/core";

/**
 * A WebSocket route: `router.get("/ws", websocket(handler))`, or as middleware for a path of your own. Middleware in front
 * of it runs before the upgrade, as for any request, and `request.native` is Koa's context.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context, Native extends KoaContext = KoaContext>(
  handler: ConnectionHandler<Context, Native>,
  options?: UpgraderOptions<Context, Native> | Upgrader<Context, Native>,
): (ctx: Native, next: Next) => Promise<void> {
  const upgrader = Upgrader.forRoute(handler, options);
  return async (ctx) => {
    // Routers put `params` on the context; Koa itself has none.
    const { params = {} } = ctx as { readonly params?: object };
    const { status, headers, body } = await upgrader.answer(ctx.req, handler, { native: ctx, params });
    // The body first: setting it to null also sets the status to 204.
    ctx.body = body === "" ? null : body;
    ctx.status = status;
    ctx.set(headers);
  };
}
