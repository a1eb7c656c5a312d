import { attach as attachServer, Upgrader, type AttachOptions, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { FastifyPluginCallback, FastifyRequest, RouteHandlerMethod } from "fastify";

/**
 * The plugin: `await app.register(attach)`. Upgrade requests run through the hooks and routes of the instance, and
 * `app.close()` closes the WebSocket clients with 1001.
 */
export const attach: FastifyPluginCallback<AttachOptions> = (app, options, done) => {
  const attachment = attachServer(app.server, options);
  // The only hook that runs before Fastify waits for its sockets.
  app.addHook("preClose", () => attachment.close());
  done();
};

/**
 * A WebSocket route: `app.get("/ws", websocket(handler))`. Hooks run before the upgrade, as for any request, and
 * `request.native` is Fastify's own request.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context>(
  handler: ConnectionHandler<Context>,
  options?: UpgraderOptions<Context, FastifyRequest> | Upgrader<Context, FastifyRequest>,
): RouteHandlerMethod {
  const upgrader = Upgrader.from(options);
  return async (request, reply) => {
    const params = request.params as Readonly<Record<string, string>>;
    const { status, headers, body } = await upgrader.answer(request.raw, handler, { native: request, params });
    return reply.code(status).headers(headers).send(body === "" ? undefined : body);
  };
}
