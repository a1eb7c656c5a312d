import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { describeHttp2 } from "@upwire/testing";
import { attach, websocket } from "../src/index.ts";
import { createApp } from "./app.ts";

describeHttp2("hono", async (setup) => {
  const app = createApp(setup);
  for (const { path, handler, options } of setup.routes) app.get(path, websocket(handler, options));
  const serverOptions = { ...setup.tls, allowHTTP1: true };
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1", createServer: createSecureServer, serverOptions });
  const attachment = attach(server, setup.attachOptions);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, attachment, close: async () => void server.close() };
});
