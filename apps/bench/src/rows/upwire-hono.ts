import { createAdaptorServer } from "@hono/node-server";
import { attach, websocket } from "@upwire/hono";
import { Hono } from "hono";
import type { Server } from "node:http";
import { listen, type Row } from "./row.ts";
import { handlerFor, optionsFor } from "./upwire-handler.ts";

export const row: Row = {
  start(load) {
    const app = new Hono();
    app.get("/ws", websocket(handlerFor(load), optionsFor(load)));
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    attach(server);
    return listen(server);
  },
};
