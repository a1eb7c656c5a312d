import type { HttpBindings } from "@hono/node-server";
import type { createNodeWebSocket } from "@hono/node-ws";
import type { Context as HonoContext } from "hono";

/** What `createNodeWebSocket({ app })` returns. */
export type NodeWebSocket = ReturnType<typeof createNodeWebSocket>;

/** For `app.request` and servers of other runtimes, which have no request of Node. */
export const NO_SOCKET = "This request has no socket: a WebSocket needs attach(serve({ fetch: app.fetch })) of @hono/node-server, and app.request has none.\n";

/** Node's request, where there is one. */
export function incomingOf(c: HonoContext): HttpBindings["incoming"] | undefined {
  return ((c.env ?? {}) as Partial<HttpBindings>).incoming;
}

/** @throws TypeError for what is not `createNodeWebSocket({ app })`, with what to write. */
export function checkNodeWs(nodeWs: Partial<NodeWebSocket> | undefined, right: string): void {
  const isPlugin = typeof nodeWs?.injectWebSocket === "function" && typeof nodeWs.upgradeWebSocket === "function";
  if (!isPlugin) throw new TypeError(`nodeWs is not what createNodeWebSocket({ app }) returned; write ${right}`);
}
