import { once } from "node:events";
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import { itKeepsTheSentTarget } from "@upwire/testing";
import { Hono } from "hono";
import { serve as serveForPlugin } from "node-server-1";
import { attach, websocket } from "../src/index.ts";
import * as plugin from "../src/node-ws.ts";

itKeepsTheSentTarget("below route and basePath (hono)", {
  sent: "/api/v1/ws",
  routed: "/api/v1/ws",
  mount: async ({ handler, options }) => {
    const inner = new Hono().get("/ws", websocket(handler, options));
    const app = new Hono().basePath("/api").route("/v1", inner);
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
    attach(server);
    await once(server, "listening");
    return { server, close: () => server.close() };
  },
});

itKeepsTheSentTarget("below route (@hono/node-ws)", {
  sent: "/api/ws",
  routed: "/api/ws",
  mount: async ({ handler, options }) => {
    const app = new Hono();
    const nodeWs = createNodeWebSocket({ app });
    app.route("/api", new Hono().get("/ws", plugin.websocket(nodeWs, handler, options)));
    const server = serveForPlugin({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
    plugin.attach(server, nodeWs);
    await once(server, "listening");
    return { server, close: () => server.close() };
  },
});
