import { attach, websocket } from "@upwire/express";
import express from "express";
import { once } from "node:events";
import type { Listening, Service, Where } from "../service.ts";

export async function start({ handler, page }: Service, { host, port }: Where): Promise<Listening> {
  const app = express();
  app.get("/", (_req, res) => void res.set(page.headers).send(page.html));
  app.get("/ws", websocket(handler));
  app.get("/healthz", (_req, res) => void res.sendStatus(attachment.isClosing ? 503 : 200));

  const server = app.listen(port, host);
  const attachment = attach(server);
  await once(server, "listening");
  return { server, attachment };
}
