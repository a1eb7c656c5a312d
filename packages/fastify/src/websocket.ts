import { defaults, Upgrader, type AttachOptions, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { accept, answerThroughPlugin, check, pluginServer } from "@upwire/core/adapter";
import fastifyWebsocket, { type WebsocketHandler, type WebsocketPluginOptions } from "@fastify/websocket";
import type { FastifyRequest, RouteShorthandOptionsWithHandler } from "fastify";
import { attachTo, endOf, type AttachPlugin } from "./attachment.ts";
import { logTo, marked, NOT_THROUGH_PLUGIN, refuseMistakes } from "./mistakes.ts";
import type { WebSocketRouteOptions } from "./plugin-route.ts";
export type { WebSocketRouteOptions };

/**
 * The plugin, in place of `@fastify/websocket`, which it registers with the same options: `await app.register(attach)`.
 * Routes of your own for that plugin go on working, and its `options` are theirs alone.
 */
export const attach: AttachPlugin<AttachOptions & WebsocketPluginOptions> = async (app, options) => {
  refuseMistakes(app, options, "@upwire/fastify/websocket", websocket);
  // The plugin listens on this instead of the server, so that a handshake is checked and guarded before it gets there.
  const plugin = pluginServer();
  const attachment = attachTo(app, { ...options, handOver: plugin.handOver }, ["options", "errorHandler", "preClose"]);
  // The plugin forgets a request that a hook answered before its own hook ran: its socket would stay open.
  app.addHook("onResponse", async ({ raw }) => plugin.end(raw));
  const { maxMessageBytes: maxPayload, maxFragments } = defaults.connection;
  const forPlugin = { maxPayload, maxFragments, ...options.options, server: plugin.server as typeof app.server };
  await app.register(fastifyWebsocket, { ...options, options: forPlugin });
  answerThroughPlugin(app.websocketServer);
  // Behind the plugin's own, which closes the clients of its routes.
  app.addHook("preClose", () => endOf(attachment));
};
// The plugin's decorators and hooks are for the whole application, as when it is registered directly.
Object.assign(attach, { [Symbol.for("skip-override")]: true });

/**
 * A WebSocket route: `app.get("/ws", websocket(handler))`, upgraded by `@fastify/websocket`. That plugin writes the 101
 * itself, past Fastify's `onSend`: no session is saved. Then it lets go of the client: `websocketServer.clients` is without it.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context, Native = FastifyRequest>(
  handler: ConnectionHandler<Context, Native>,
  options?: UpgraderOptions<Context, Native> | Upgrader<Context, Native>,
): WebSocketRouteOptions<Native> {
  const upgrader = Upgrader.forRoute(handler, options);
  return {
    preHandler: async (request, reply) => {
      const [params, headers] = [request.params as Record<string, string>, reply.getHeaders() as Record<string, string | string[]>];
      const decision = await check(upgrader, request.raw, { native: request as Native, params, headers, ...logTo(request.log) });
      if (!decision.ok) await reply.code(decision.status).headers(decision.headers).send(decision.body);
    },
    // Plain requests were refused above.
    handler: (_request, reply) => reply.code(500).type("text/plain").send(NOT_THROUGH_PLUGIN),
    wsHandler: marked((ws, { raw }) => void accept(upgrader, ws, raw, handler), "@upwire/fastify/websocket"),
  } satisfies RouteShorthandOptionsWithHandler & { readonly wsHandler: WebsocketHandler } as unknown as WebSocketRouteOptions<Native>;
}
