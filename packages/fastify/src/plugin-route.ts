import type { WebsocketHandler } from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import type { WebSocketRoute } from "./route.ts";

/** What `app.get(path, …)` takes in place of a handler. */
export type WebSocketRouteOptions<Native = FastifyRequest> = {
  readonly preHandler: WebSocketRoute<Native>;
  readonly handler: (...of: Parameters<WebSocketRoute<Native>>) => unknown;
  readonly wsHandler: WebsocketHandler;
};
