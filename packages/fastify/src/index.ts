import { Upgrader, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { FastifyRequest, RouteHandlerMethod } from "fastify";
import { attachTo, endOf, type AttachPlugin } from "./attachment.ts";
import { logTo, marked, refuseMistakes } from "./mistakes.ts";
import type { WebSocketRoute } from "./route.ts";

export type { WebSocketRoute };

/**
 * The plugin: `await app.register(attach)`. Upgrade requests run through the hooks and routes of the instance, and
 * `app.close()` closes the WebSocket clients with 1001. The `Attachment` is `app.upwire`.
 */
export const attach: AttachPlugin = async (app, options) => {
  refuseMistakes(app, options, "@upwire/fastify", websocket);
  const attachment = attachTo(app, options);
  // The only hook that runs before Fastify waits for its sockets.
  app.addHook("preClose", () => endOf(attachment));
};

// `app.upwire` and the hook are for the whole application.
Object.assign(attach, { [Symbol.for("skip-override")]: true });

/**
 * A WebSocket route: `app.get("/ws", websocket(handler))`. Hooks run before the upgrade, as for any request, and
 * `request.native` is Fastify's own request: `app.get<{ Querystring: Query }>(path, …)` types it as for any handler. Without `onError`, errors go to the request's own logger, those of its connection too.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context, Native = FastifyRequest>(
  handler: ConnectionHandler<Context, Native>,
  options?: UpgraderOptions<Context, Native> | Upgrader<Context, Native>,
): WebSocketRoute<Native> {
  const upgrader = Upgrader.forRoute(handler, options);
  const route: RouteHandlerMethod = async (request, reply) => {
    const params = request.params as object;
    const { status, headers, body } = await upgrader.answer(request.raw, handler, { native: request as Native, params, ...logTo(request.log) });
    return reply
      .code(status)
      .headers(headers)
      .send(body === "" ? undefined : body);
  };
  return marked(route, "@upwire/fastify") as unknown as WebSocketRoute<Native>;
}
