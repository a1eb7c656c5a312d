import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { Router } from "@koa/router";
import { describeAdapter, type AdapterSetup, type RunningServer } from "@upwire/testing";
import Koa from "koa";
import { createSession } from "koa-session";
import { attach, websocket } from "../src/index.ts";

async function build({ routes, onRequest, attachOptions, pages, tls }: AdapterSetup): Promise<RunningServer> {
  const app = new Koa();
  // Koa would write every error to stderr.
  app.silent = true;
  app.keys = ["secret"];
  app.use(async (ctx, next) => {
    onRequest(ctx.path, ctx.req, ctx.res);
    ctx.set("x-middleware", "1");
    ctx.append("set-cookie", "a=1");
    ctx.append("set-cookie", "b=2");
    if (ctx.path.startsWith("/slow/")) await delay(50);
    if (ctx.path.startsWith("/private/")) {
      ctx.set("x-refused", "1");
      ctx.status = 401;
      ctx.body = "no entry";
      return;
    }
    if (ctx.path === "/throws") throw new Error("middleware throws");
    await next();
  });

  const router = new Router();
  router.use("/session", createSession({}, app), async (ctx, next) => {
    const { session } = ctx as unknown as { session: { n?: number } };
    session.n = (session.n ?? 0) + 1;
    ctx.req.headers["x-session-n"] = `${session.n}`;
    await next();
  });
  router.get("/http", (ctx) => {
    ctx.body = "http";
  });
  router.post("/body", async (ctx) => {
    ctx.body = await json(ctx.req);
  });
  for (const { path, serve } of pages) {
    router.get(path, (ctx) => {
      ctx.respond = false;
      serve(ctx.req, ctx.res);
    });
  }
  for (const { path, handler, options } of routes) router.get(path, websocket(handler, options));
  app.use(router.routes());

  const serveAll = app.callback();
  const listener = (req: IncomingMessage, res: ServerResponse): void => void serveAll(req, res);
  const server = tls === undefined ? createServer(listener) : createHttpsServer(tls, listener);
  const attachment = attach(server, attachOptions);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, attachment, close: async () => void (await once(server.close(), "close")) };
}

describeAdapter("koa", build);
