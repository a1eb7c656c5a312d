import { createNodeWebSocket } from "@hono/node-ws";
import { attach, websocket } from "@upwire/hono/node-ws";
import { Hono } from "hono";
import { createAdaptorServer } from "hono-node-server-1";
import type { Server } from "node:http";
import { listen, type Row } from "./row.ts";
import { handlerFor } from "./upwire-handler.ts";

export const row: Row = {
  start(load) {
    const app = new Hono();
    const nodeWs = createNodeWebSocket({ app });
    app.get("/ws", websocket(nodeWs, handlerFor(load)));
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    attach(server, nodeWs);
    return listen(server);
  },
};
