import { attach, websocket } from "@upwire/express";
import express from "express";
import { createServer } from "node:http";
import { listen, type Row } from "./row.ts";
import { handlerFor, optionsFor } from "./upwire-handler.ts";

export const row: Row = {
  start(load) {
    const app = express();
    app.get("/ws", websocket(handlerFor(load), optionsFor(load)));
    const server = createServer(app);
    attach(server);
    return listen(server);
  },
};
