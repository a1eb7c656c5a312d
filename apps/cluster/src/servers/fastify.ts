import { attach, websocket } from "@upwire/fastify";
import Fastify from "fastify";
import type { Listening, Service, Where } from "../service.ts";

export async function start({ handler, page }: Service, where: Where): Promise<Listening> {
  const app = Fastify();
  await app.register(attach);
  app.get("/", (_request, reply) => reply.headers(page.headers).send(page.html));
  app.get("/ws", websocket(handler));
  app.get("/healthz", (_request, reply) => reply.code(app.upwire.isClosing ? 503 : 200).send());

  await app.listen(where);
  return { server: app.server, attachment: app.upwire };
}
