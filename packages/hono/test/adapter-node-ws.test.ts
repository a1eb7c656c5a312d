import { once } from "node:events";
import type { Server } from "node:http";
import { createNodeWebSocket } from "@hono/node-ws";
import { describeAdapter, type AdapterSetup, type RunningServer } from "@upwire/testing";
import { serve } from "node-server-1";
import { attach, websocket } from "../src/node-ws.ts";
import { createApp, listening } from "./app.ts";

async function build(setup: AdapterSetup): Promise<RunningServer> {
  const app = createApp(setup);
  const nodeWs = createNodeWebSocket({ app });
  for (const { path, handler, options } of setup.routes) app.get(path, websocket(nodeWs, handler, options));
  const server = serve({ fetch: app.fetch, ...listening(setup) }) as Server;
  const attachment = attach(server, nodeWs, setup.attachOptions);
  await once(server, "listening");
  return { server, attachment, close: async () => void (await once(server.close(), "close")) };
}

describeAdapter("hono-node-ws", build, {
  sessionOn101: "@hono/node-ws writes the 101 with nothing that middleware sets after next()",
  fullRefusals: "@hono/node-ws writes what the application answers as a status line, without headers and body",
  responseLife: "@hono/node-ws has no response of Node for an upgrade request",
});
