import type { RunningDemo, StartOptions } from "@upwire-apps/chat";
import { attach, websocket } from "@upwire/fastify/websocket";
import Fastify from "fastify";

export async function start({ demo, host, port, tls }: StartOptions): Promise<RunningDemo> {
  const app = Fastify({ https: tls ?? null });
  await app.register(attach);

  const page = demo.chatPage("fastify-websocket");
  app.get("/", (_request, reply) => reply.headers(page.headers).send(page.html));
  app.get("/ws", websocket(demo.chat, demo.chatOptions));
  app.get("/ws/echo", websocket(demo.echo, demo.chatOptions));
  app.get("/ws/echo_display", (_request, reply) => reply.headers(demo.echoPage.headers).send(demo.echoPage.html));
  app.get("/healthz", () => "ok");

  await app.listen({ host, port });
  return { server: app.server, attachment: app.upwire, close: () => app.close() };
}
