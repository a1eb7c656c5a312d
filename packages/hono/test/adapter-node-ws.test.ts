import { once } from "node:events";
import type { Server } from "node:http";
import { createNodeWebSocket } from "@hono/node-ws";
import { describeAdapter } from "@upwire/testing";
import { serve } from "node-server-1";
import { attach, websocket } from "../src/node-ws.ts";
import { createApp } from "./app.ts";

describeAdapter("hono-node-ws", async (setup) => {
  const app = createApp(setup);
  const nodeWs = createNodeWebSocket({ app });
  for (const { path, handler, options } of setup.routes) app.get(path, websocket(nodeWs, handler, options));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
  attach(server, nodeWs);
  await once(server, "listening");
  return { server, close: async () => void (await once(server.close(), "close")) };
});
