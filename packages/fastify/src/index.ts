import { Upgrader, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import type { FastifyRequest, RouteHandlerMethod } from "fastify";
import { attachTo, endOf, type AttachPlugin } from "./attachment.ts";

/**
 * The plugin: `await app.register(attach)`. Upgrade requests run through the hooks and routes of the instance, and
 * `app.close()` closes the WebSocket clients with 1001. The `Attachment` is `app.upwire`.
 */
export const attach: AttachPlugin = async (app, options) => {
  const attachment = attachTo(app, options);
  // The only hook that runs before Fastify waits for its sockets.
  app.addHook("preClose", () => endOf(attachment));
};

// `app.upwire` and the hook are for the whole application.
Object.assign(attach, { [Symbol.for("skip-override")]: true });

/**
 * A WebSocket route: `app.get("/ws", websocket(handler))`. Hooks run before the upgrade, as for any request, and
 * `request.native` is Fastify's own request.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context>(
  handler: ConnectionHandler<Context>,
  options?: UpgraderOptions<Context, FastifyRequest> | Upgrader<Context, FastifyRequest>,
): RouteHandlerMethod {
  const upgrader = Upgrader.forRoute(handler, options);
  return async (request, reply) => {
    const params = request.params as Readonly<Record<string, string>>;
    const { status, headers, body } = await upgrader.answer(request.raw, handler, { native: request, params });
    return reply.code(status).headers(headers).send(body === "" ? undefined : body);
  };
}
