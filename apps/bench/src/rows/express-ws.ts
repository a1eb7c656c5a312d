import express from "express";
import expressWs from "express-ws";
import { createServer } from "node:http";
import { listen, type Row } from "./row.ts";
import { serveWs } from "./ws-loop.ts";

export const row: Row = {
  start(load) {
    const app = express();
    const server = createServer(app);
    const serve = serveWs(load);
    expressWs(app, server).app.ws("/ws", (ws, req) => serve(ws, req.url));
    return listen(server);
  },
};
