import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { answerThroughPlugin, defaults, Upgrader, type AttachOptions, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import fastifyWebsocket, { type WebsocketHandler, type WebsocketPluginOptions } from "@fastify/websocket";
import type { FastifyRequest, RouteShorthandOptionsWithHandler } from "fastify";
import { attachTo, endOf, type AttachPlugin } from "./attachment.ts";

/**
 * The plugin, in place of `@fastify/websocket`, which it registers with the same options:
 * `await app.register(attach, { options: { maxPayload: 65536 } })`. Routes of your own for that plugin go on working. Its
 * limits hold for all routes together; a route's own `maxMessageBytes` can only be smaller.
 */
export const attach: AttachPlugin<AttachOptions & WebsocketPluginOptions> = async (app, options) => {
  // The plugin listens on this instead of the server, so that a handshake is checked and guarded before it gets there.
  const relay = new EventEmitter();
  const handedOver = new WeakSet<IncomingMessage>();
  const attachment = attachTo(app, {
    ...options,
    handOver: (req, socket, head) => {
      handedOver.add(req);
      relay.emit("upgrade", req, socket, head);
    },
  });
  // The plugin forgets a request that a hook answered before its own hook ran: its socket would stay open.
  app.addHook("onResponse", async ({ raw }) => {
    if (handedOver.has(raw)) raw.socket.destroySoon();
  });
  await app.register(fastifyWebsocket, {
    ...options,
    options: { maxPayload: defaults.maxMessageBytes, maxFragments: defaults.maxFragments, ...options.options, server: relay as typeof app.server },
    // The plugin's own would close the clients without a code.
    preClose: (done) => void endOf(attachment).then(() => done(), done),
  });
  answerThroughPlugin(app.websocketServer);
};

// The plugin's decorators and hooks are for the whole application, as when it is registered directly.
Object.assign(attach, { [Symbol.for("skip-override")]: true });

/**
 * A WebSocket route: `app.get("/ws", websocket(handler))`, upgraded by `@fastify/websocket`. That plugin writes the 101
 * itself, past Fastify's `onSend` and `onResponse`: a session is not saved there, and `compression` is its own option.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context>(
  handler: ConnectionHandler<Context>,
  options?: UpgraderOptions<Context, FastifyRequest> | Upgrader<Context, FastifyRequest>,
): RouteShorthandOptionsWithHandler & { readonly wsHandler: WebsocketHandler } {
  const upgrader = Upgrader.from(options);
  return {
    preHandler: async (request, reply) => {
      const params = request.params as Readonly<Record<string, string>>;
      const decision = await upgrader.check(request.raw, { native: request, params, headers: reply.getHeaders() as Record<string, string | string[]> });
      if (!decision.ok) await reply.code(decision.status).headers(decision.headers).send(decision.body);
    },
    // Plain requests were refused above.
    handler: (_request, reply) => reply.callNotFound(),
    wsHandler: (ws, request) => void upgrader.accept(ws, request.raw, handler),
  };
}
