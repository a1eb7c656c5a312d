import { setTimeout as delay } from "node:timers/promises";
import cookie from "@fastify/cookie";
import session from "@fastify/session";
import type { AdapterSetup } from "@upwire/testing";
import Fastify, { type FastifyInstance } from "fastify";

declare module "fastify" {
  interface Session {
    n?: number;
  }
}

/** A Fastify application with all that `AdapterSetup` asks for but the routes. */
export async function createApp({ onRequest, pages, tls }: AdapterSetup): Promise<FastifyInstance> {
  const app = (tls === undefined ? Fastify() : Fastify({ https: tls })) as FastifyInstance;
  await app.register(cookie);
  await app.register(session, { secret: "a secret with at least 32 characters", cookie: { secure: false }, saveUninitialized: false });
  app.addHook("onRequest", async (request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "/";
    onRequest(path, request.raw, reply.raw);
    reply.header("x-middleware", "1").header("set-cookie", "a=1").header("set-cookie", "b=2");
    if (path.startsWith("/slow/")) await delay(50);
    if (path.startsWith("/private/")) await reply.code(401).header("x-refused", "1").send("no entry");
    if (path === "/throws") throw new Error("middleware throws");
    if (path === "/session") {
      request.session.n = (request.session.n ?? 0) + 1;
      request.raw.headers["x-session-n"] = `${request.session.n}`;
    }
  });
  app.get("/http", (_request, reply) => reply.send("http"));
  app.post("/body", (request, reply) => reply.send(request.body));
  for (const { path, serve } of pages) {
    app.get(path, (request, reply) => {
      reply.hijack();
      serve(request.raw, reply.raw);
    });
  }
  return app;
}
