import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { listen, type Row } from "./row.ts";
import { deflateOption, serveWs } from "./ws-loop.ts";

export const row: Row = {
  start(load) {
    const server = createServer();
    const wss = new WebSocketServer({ server, path: "/ws", perMessageDeflate: deflateOption(load) });
    const serve = serveWs(load);
    wss.on("connection", (ws, req) => serve(ws, req.url));
    return listen(server);
  },
};
