import { serve } from "@hono/node-server";
import type { RunningDemo, StartOptions } from "@upwire-apps/chat";
import { attach, websocket } from "@upwire/hono";
import { Hono } from "hono";
import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:https";
import { promisify } from "node:util";

export async function start({ demo, host, port, tls }: StartOptions): Promise<RunningDemo> {
  const app = new Hono();
  const page = demo.chatPage("hono");
  app.get("/", (c) => c.body(page.html, 200, page.headers));
  app.get("/ws", websocket(demo.chat, demo.chatOptions));
  app.get("/ws/echo", websocket(demo.echo, demo.chatOptions));
  app.get("/ws/echo_display", (c) => c.body(demo.echoPage.html, 200, demo.echoPage.headers));
  app.get("/healthz", (c) => c.text("ok"));

  const https = tls && { createServer, serverOptions: tls };
  const server = serve({ fetch: app.fetch, hostname: host, port, ...https }) as Server;
  const attachment = attach(server);
  await once(server, "listening");
  return { server, attachment, close: promisify(server.close.bind(server)) };
}
