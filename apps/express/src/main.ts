import type { RunningDemo, StartOptions } from "@upwire-apps/chat";
import { attach, websocket } from "@upwire/express";
import express from "express";
import { once } from "node:events";
import { createServer } from "node:https";
import { promisify } from "node:util";

export async function start({ demo, host, port, tls }: StartOptions): Promise<RunningDemo> {
  const app = express();
  const page = demo.chatPage("express");
  app.get("/", (_req, res) => void res.set(page.headers).send(page.html));
  app.get("/ws", websocket(demo.chat, demo.chatOptions));
  app.get("/ws/echo", websocket(demo.echo, demo.chatOptions));
  app.get("/ws/echo_display", (_req, res) => void res.set(demo.echoPage.headers).send(demo.echoPage.html));
  app.get("/healthz", (_req, res) => void res.type("text").send("ok"));

  const server = tls ? createServer(tls, app).listen(port, host) : app.listen(port, host);
  const attachment = attach(server);
  await once(server, "listening");
  return { server, attachment, close: promisify(server.close.bind(server)) };
}
