import type { AddressInfo } from "node:net";
import { describeHttp2, type Http2Setup, type RunningHttp2Server } from "@upwire/testing";
import Fastify from "fastify";
import { attach, websocket } from "../src/index.ts";

async function build({ routes, attachOptions, tls }: Http2Setup): Promise<RunningHttp2Server> {
  const app = Fastify({ http2: true, https: { ...tls, allowHTTP1: true } });
  await app.register(attach, attachOptions);
  app.get("/http", (_request, reply) => reply.send("http"));
  app.post("/body", (request, reply) => reply.send(request.body));
  for (const { path, handler, options } of routes) app.get(path, websocket(handler, options));
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { port: (app.server.address() as AddressInfo).port, attachment: app.upwire, close: () => app.close() };
}

describeHttp2("fastify", build);
