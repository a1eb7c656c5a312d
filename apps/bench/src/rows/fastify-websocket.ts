import fastifyWebsocket from "@fastify/websocket";
import Fastify from "fastify";
import { portOf, type Row } from "./row.ts";
import { deflateOption, serveWs } from "./ws-loop.ts";

export const row: Row = {
  async start(load) {
    const app = Fastify();
    await app.register(fastifyWebsocket, { options: { perMessageDeflate: deflateOption(load) } });
    const serve = serveWs(load);
    app.get("/ws", { websocket: true }, (ws, request) => serve(ws, request.url));
    await app.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
    return portOf(app.server);
  },
};
