import type { HttpBindings } from "@hono/node-server";
import type { createNodeWebSocket } from "@hono/node-ws";
import type { Context as HonoContext } from "hono";

/** What `createNodeWebSocket({ app })` returns. */
export type NodeWebSocket = ReturnType<typeof createNodeWebSocket>;

const NO_SOCKET =
  "This request has no socket of Node, and a WebSocket needs one: in a test, where app.request has none, write connectTo(app, path), of @upwire/testing/connect; " +
  "else serve the application with attach(serve({ fetch: app.fetch })) of @hono/node-server.\n";

/** What `app.request` is answered, and a request on a server of another runtime: they have no request of Node. */
export function withoutSocket(c: HonoContext): Response {
  // RFC 9110 §15.5.22: a 426 names what to upgrade to.
  return c.text(NO_SOCKET, 426, { upgrade: "websocket" });
}

/** Node's request, where there is one. */
export function incomingOf(c: HonoContext): HttpBindings["incoming"] | undefined {
  return ((c.env ?? {}) as Partial<HttpBindings>).incoming;
}

/** @throws TypeError for what is not `createNodeWebSocket({ app })`, with what to write. */
export function checkNodeWs(nodeWs: Partial<NodeWebSocket> | undefined, right: string): void {
  const isPlugin = typeof nodeWs?.injectWebSocket === "function" && typeof nodeWs.upgradeWebSocket === "function";
  if (!isPlugin) throw new TypeError(`nodeWs is not what createNodeWebSocket({ app }) returned; write ${right}`);
}
