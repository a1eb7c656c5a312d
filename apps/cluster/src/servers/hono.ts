import { serve } from "@hono/node-server";
import { attach, websocket } from "@upwire/hono";
import { Hono } from "hono";
import { once } from "node:events";
import type { Server } from "node:http";
import type { Listening, Service, Where } from "../service.ts";

export async function start({ handler, page }: Service, { host, port }: Where): Promise<Listening> {
  const app = new Hono();
  app.get("/", (c) => c.body(page.html, 200, page.headers));
  app.get("/ws", websocket(handler));
  app.get("/healthz", (c) => c.body(null, attachment.isClosing ? 503 : 200));

  const server = serve({ fetch: app.fetch, hostname: host, port }) as Server;
  const attachment = attach(server);
  await once(server, "listening");
  return { server, attachment };
}
