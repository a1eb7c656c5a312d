import { Router } from "@koa/router";
import type { Page, RunningDemo, StartOptions } from "@upwire-apps/chat";
import { attach, websocket } from "@upwire/koa";
import Koa, { type Context } from "koa";
import { once } from "node:events";
import { createServer } from "node:https";
import { promisify } from "node:util";

export async function start({ demo, host, port, tls }: StartOptions): Promise<RunningDemo> {
  const router = new Router();
  const page = demo.chatPage("koa");
  router.get("/", (ctx) => sendPage(ctx, page));
  router.get("/ws", websocket(demo.chat, demo.chatOptions));
  router.get("/ws/echo", websocket(demo.echo, demo.chatOptions));
  router.get("/ws/echo_display", (ctx) => sendPage(ctx, demo.echoPage));
  router.get("/healthz", (ctx) => void (ctx.body = "ok"));

  const app = new Koa().use(router.routes());
  const handle = app.callback();
  const server = tls ? createServer(tls, (req, res) => void handle(req, res)).listen(port, host) : app.listen(port, host);
  const attachment = attach(server);
  await once(server, "listening");
  return { server, attachment, close: promisify(server.close.bind(server)) };
}

function sendPage(ctx: Context, page: Page): void {
  ctx.set(page.headers);
  ctx.body = page.html;
}
