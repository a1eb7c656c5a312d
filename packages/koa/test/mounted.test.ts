import { once } from "node:events";
import { Router } from "@koa/router";
import { itKeepsTheSentTarget } from "@upwire/testing";
import Koa, { type Middleware } from "koa";
import mount from "koa-mount";
import { attach, websocket } from "../src/index.ts";

async function serve(...middleware: readonly Middleware[]): Promise<{ readonly server: ReturnType<Koa["listen"]>; close(): void }> {
  const app = new Koa();
  for (const one of middleware) app.use(one);
  const server = app.listen(0, "127.0.0.1");
  attach(server);
  await once(server, "listening");
  return { server, close: () => void server.close() };
}

itKeepsTheSentTarget("below koa-mount", {
  sent: "/api/v1/ws",
  routed: "/ws",
  mount: async ({ handler, options }) => {
    const router = new Router().get("/ws", websocket(handler, options));
    return serve(mount("/api", mount("/v1", router.routes() as Middleware)));
  },
});

itKeepsTheSentTarget("below a prefix of the router", {
  sent: "/api/ws",
  routed: "/api/ws",
  mount: async ({ handler, options }) => serve(new Router({ prefix: "/api" }).get("/ws", websocket(handler, options)).routes() as Middleware),
});
